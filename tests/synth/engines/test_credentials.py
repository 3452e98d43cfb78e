"""A credential that a server repeats, in any spelling, is never kept."""

import base64
import json
import time
from urllib.parse import quote

import pytest

from storage.ledger.ledger import Ledger
from synth.calls.ask import Asker
from synth.calls.models import Models
from synth.calls.prompting import Prompts
from synth.engines.base import RequestRefused
from synth.engines.credentials import MARK, known_credentials, redact
from synth.engines.vllm import Vllm
from tests.synth.engines.scripted import Reply, chat, scripted

KEY = "sk-proj/4fZk9-Qw+7Yx2LmN8vB3tR6u"
LETTERS = KEY.replace("-", "").replace("/", "").replace("+", "")
SPELLINGS = {
    "as it is": f"You sent {KEY}, thanks.",
    "bearer": f"Authorization: Bearer {KEY}",
    "json": json.dumps({"key": KEY}).replace("/", "\\/"),
    "unicode escapes": "".join(f"\\u{ord(letter):04x}" for letter in KEY),
    "url": quote(KEY, safe=""),
    "basic": base64.b64encode(f"user:{KEY}".encode()).decode(),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 behind two": base64.b64encode(f"ab{KEY}".encode()).decode(),
    "lines": f"{KEY[:10]}\n{KEY[10:20]}\n{KEY[20:]}",
    "spaced": " ".join(KEY),
    "joined": f'"{KEY[:9]}" + "{KEY[9:]}"',
    "no width": "\u200b".join(KEY),
    "markdown": f"**{KEY[:12]}**{KEY[12:]}",
    "without its ends": KEY[6:-4],
    "first half": KEY[: len(KEY) // 2 + 3],
    "twice": f"{KEY}{KEY}",
    "parts": f"first {KEY[:17]} then {KEY[17:]}",
    "capitals": KEY.upper(),
    "hexadecimal": KEY.encode().hex(),
    "hexadecimal, capitals": KEY.encode().hex(" ").upper(),
    "url, each letter": "".join(f"%{ord(letter):02X}" for letter in KEY),
    "unicode escapes, capitals": "".join(f"\\u{ord(letter):04X}" for letter in KEY),
    "unicode escapes in braces": "".join(f"\\u{{{ord(letter):x}}}" for letter in KEY),
    "escapes of a program": "".join(f"\\x{ord(letter):02x}" for letter in KEY),
    "octal": "".join(f"\\{ord(letter):03o}" for letter in KEY),
    "html": "".join(f"&#{ord(letter)};" for letter in KEY),
    "html, hexadecimal": "".join(f"&#x{ord(letter):x};" for letter in KEY),
    "some letters escaped": "".join(f"&#{ord(letter)};" if at % 3 else letter for at, letter in enumerate(KEY)),
    "line breaks of JSON": "\\n".join(KEY),
    "tags": "<b>".join(KEY),
    "spaces of a URL": "%20".join(KEY),
    "full width": "".join(chr(ord(letter) + 0xFEE0) if letter.isalnum() else letter for letter in KEY),
    "base64 of UTF-16": base64.b64encode(KEY.encode("utf-16-le")).decode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_a_credential_is_left(spelling):
    left = redact(f"before {SPELLINGS[spelling]} after", KEY)
    assert MARK in left and left.startswith("before ") and left.endswith(" after")
    squeezed = "".join(letter for letter in left.replace(MARK, "|") if letter.isalnum() or letter == "|")
    assert len(squeezed) < 36  # two words, and at most three around it
    assert not any(LETTERS[start : start + 12] in squeezed for start in range(len(LETTERS) - 11))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Tom has 3 pens.",
        "sk-proj is how keys begin",
        "Qw 7Yx2",
        MARK,
        r"so \neq and \u0041 &#107; 5%20 <b>",
        "１２",
    ],
)
def test_other_text_stays(text):
    assert redact(text, KEY) is text
    assert redact(text, None) is text


@pytest.mark.parametrize("placeholder", ["EMPTY", "none", "x", "sk-1234", "        ", "--------"])
def test_a_placeholder_is_no_credential(placeholder):
    assert redact(f"the word {placeholder} stands here", placeholder) == f"the word {placeholder} stands here"


def test_credentials_of_the_environment_are_known_by_their_names(monkeypatch):
    for name, value in (("A_KEY", KEY), ("PGPASSWORD", "correct-horse-battery"), ("MONKEY", "arithmetic-task"), ("X_TOKEN", "none"),
                        ("Y_PASSWORD", "password"), ("Z_PATH", "/usr/local/share/x")):  # fmt: skip
        monkeypatch.setenv(name, value)
    credentials = known_credentials()
    assert {KEY, "correct-horse-battery"} <= set(credentials)
    assert not {"arithmetic-task", "none", "password", "/usr/local/share/x"} & set(credentials)


def test_a_long_answer_full_of_credentials_is_blotted_out_at_once():
    began = time.process_time()
    assert redact(KEY * 300_000, KEY) == MARK
    assert time.process_time() - began < 20


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("field", ["text", "reasoning", "refused", "error", "error in a body"])
async def test_no_spelling_reaches_ledger_rows_or_errors(tmp_path, problems, monkeypatch, spelling, field):
    monkeypatch.setenv("A_KEY", KEY)
    leak = SPELLINGS[spelling]
    reply = {
        "text": Reply(body=chat(leak)),
        "reasoning": Reply(
            body={"choices": [{"message": {"content": "4", "reasoning": leak}, "finish_reason": "stop"}]}
        ),
        "refused": Reply(body=chat(leak, "content_filter")),
        "error": Reply(400, {"error": {"message": leak}}),
        "error in a body": Reply(body={"error": {"message": leak, "code": 400}}),
    }[field]
    shown = ""
    async with scripted(reply) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "tiny@1", api_key_env="A_KEY")
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            asker = Asker(ledger, {"student": engine}, Prompts(), night="2026-01-01/test")
            try:
                answer = await Models(asker, problems[0], 0).student("solve")
                shown = answer.text + answer.reasoning
            except RequestRefused as refused:
                shown = str(refused)
            finally:
                await engine.close()
            kept = "".join(call.response + call.reasoning + json.dumps(call.sampling) for call in ledger.unpublished())
    for text in (shown, kept, (tmp_path / "ledger.sqlite").read_bytes().decode(errors="replace")):
        assert KEY not in text and leak not in text
