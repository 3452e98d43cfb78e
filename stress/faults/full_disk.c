/* A disk that is full from a chosen write on, for one process: loaded by LD_PRELOAD, steered through `disk_fills_at`.
   Only what lies under $FULL_DISK counts; what is new or would grow fails with ENOSPC, and so does what is overwritten (as where
   a file system copies on write). Reading, renaming and removing go on.
   Of the first write that fails, and with `disk_traces` of every write, it tells what was called, on which file, and where Python was. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long left = LONG_MAX;
static int traces = -1, every;

/* So many writes succeed from now on, the others fail. */
void disk_fills_at(long writes) { left = writes; }

/* Where to write what is told of the first write that fails, or of each one. */
void disk_traces(int file, int all) { traces = file, every = all; }

static void tell(const char *name, const char *path) {
    /* Python's own way of telling from a signal handler where a thread is: it needs no lock, and a thread waits in its own call. */
    void *(*thread)(void) = (void *(*)(void))dlsym(RTLD_DEFAULT, "PyGILState_GetThisThreadState");
    void (*dump)(int, void *) = (void (*)(int, void *))dlsym(RTLD_DEFAULT, "_Py_DumpTraceback");
    void *here = thread ? thread() : NULL;
    dprintf(traces, "=== %s %s\n", name, path);
    if (here && dump) dump(traces, here);
}

static int under(const char *path) {
    const char *root = getenv("FULL_DISK");
    return root && strncmp(path, root, strlen(root)) == 0;
}

static int full_path(const char *name, const char *path) {
    if (!under(path)) return 0;
    long before = atomic_fetch_sub(&left, 1);
    int kept = errno;
    if (traces >= 0 && (every || before == 0)) tell(name, path);
    errno = before <= 0 ? ENOSPC : kept;
    return before <= 0;
}

static int full_file(const char *name, int file) {
    char link[32], path[PATH_MAX];
    int kept = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = kept;
    if (length < 0) return 0;
    path[length] = 0;
    return full_path(name, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define ON_FILE(type, name, parameters, arguments) \
    type name parameters { return full_file(#name, file) ? -1 : REAL(name) arguments; }

ON_FILE(ssize_t, write, (int file, const void *data, size_t size), (file, data, size))
ON_FILE(ssize_t, pwrite, (int file, const void *data, size_t size, off_t at), (file, data, size, at))
ON_FILE(ssize_t, pwrite64, (int file, const void *data, size_t size, off64_t at), (file, data, size, at))
ON_FILE(ssize_t, writev, (int file, const struct iovec *parts, int count), (file, parts, count))
ON_FILE(int, ftruncate, (int file, off_t size), (file, size))
ON_FILE(int, ftruncate64, (int file, off64_t size), (file, size))
ON_FILE(int, fallocate, (int file, int mode, off_t at, off_t size), (file, mode, at, size))

int posix_fallocate(int file, off_t at, off_t size) {
    return full_file("posix_fallocate", file) ? ENOSPC : REAL(posix_fallocate)(file, at, size);
}

ssize_t sendfile(int file, int from, off_t *at, size_t size) {
    return full_file("sendfile", file) ? -1 : ((ssize_t (*)(int, int, off_t *, size_t))dlsym(RTLD_NEXT, "sendfile"))(file, from, at, size);
}

int mkdir(const char *path, mode_t mode) { return full_path("mkdir", path) ? -1 : REAL(mkdir)(path, mode); }

#define OPENED(name) \
    int name(const char *path, int flags, ...) { \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { \
            va_list more; \
            va_start(more, flags); \
            mode = va_arg(more, mode_t); \
            va_end(more); \
        } \
        if ((flags & O_CREAT) && access(path, F_OK) != 0 && full_path(#name, path)) return -1; \
        return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name))(path, flags, mode); \
    }

OPENED(open)
OPENED(open64)
