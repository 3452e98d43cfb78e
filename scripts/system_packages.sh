#!/usr/bin/env bash
# What the tests need of the system: PostgreSQL 15 or later (the lake's catalogue for many machines), libnuma (vLLM on a CPU),
# bubblewrap (where programs of models are run) and Chromium (pages that attack a running `nightschool up`, and our own pages).
# Installs what is missing when it may (root, on Debian or Ubuntu); otherwise says what to install.
set -euo pipefail

missing=()
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || command -v postgres >/dev/null || missing+=(postgresql)
if [ "$(uname -s)" = Linux ] && ! /sbin/ldconfig -p 2>/dev/null | grep -q 'libnuma\.so\.1'; then missing+=(libnuma1); fi
if [ "$(uname -s)" = Linux ]; then command -v bwrap >/dev/null || missing+=(bubblewrap); fi
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
else
    echo "missing on this system: ${missing[*]}; install them (Debian, Ubuntu: sudo apt-get install ${missing[*]};" >&2
    echo "macOS: brew install postgresql, and Chrome). Tests that need them fail without." >&2
fi
