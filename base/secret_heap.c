/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/secret_heap.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/secret.h"

/* Small enough to fit several times into the 64 KiB that old kernels let a user lock. */
#define CHUNK (16u * 1024)
#define SMALLEST_SHIFT 6
#define LARGEST_SHIFT 12
#define CLASSES (LARGEST_SHIFT - SMALLEST_SHIFT + 1)

struct block {
    size_t size;         /* of block and header; 0 after a fork */
    bool locked;
    struct block *next;  /* in the free list */
} __attribute__((aligned(16)));

static struct {
    pthread_mutex_t lock;
    pthread_once_t once;
    struct block *free[CLASSES];
    uint8_t *chunk;      /* where the next new block is cut */
    size_t chunk_left;
    bool chunk_locked;
    size_t unlocked;
} heap = {.lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT};

static void
before_fork(void)
{
    pthread_mutex_lock(&heap.lock);
}

static void
after_fork_parent(void)
{
    pthread_mutex_unlock(&heap.lock);
}

/* The child's copies of the chunks read as zeros (MADV_WIPEONFORK). */
static void
after_fork_child(void)
{
    for (size_t i = 0; i < CLASSES; i++)
        heap.free[i] = NULL;
    heap.chunk_left = 0;
    heap.unlocked = 0;
    pthread_mutex_unlock(&heap.lock);
}

static void
watch_forks(void)
{
    pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

static void *
map_locked(size_t size, bool *ret_locked)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    /* Secrets outside of core files and children matter more than memory. */
    if (madvise(p, size, MADV_DONTDUMP) != 0 || madvise(p, size, MADV_WIPEONFORK) != 0) {
        munmap(p, size);
        return NULL;
    }
    /* Not mlock: the sanitizers make that do nothing. */
    *ret_locked = mlock2(p, size, 0) == 0;
    return p;
}

static size_t
class_of(size_t whole)
{
    size_t class = 0;
    while (((size_t)1 << (SMALLEST_SHIFT + class)) < whole)
        class++;
    return class;
}

/* Under the lock. */
static struct block *
cut(size_t class)
{
    size_t size = (size_t)1 << (SMALLEST_SHIFT + class);
    struct block *b = heap.free[class];
    if (b != NULL) {
        heap.free[class] = b->next;
        b->next = NULL;
        return b;
    }
    if (heap.chunk_left < size) {
        uint8_t *chunk = map_locked(CHUNK, &heap.chunk_locked);
        if (chunk == NULL)
            return NULL;
        heap.chunk = chunk;
        heap.chunk_left = CHUNK;
    }
    b = (struct block *)(void *)heap.chunk;
    heap.chunk += size;
    heap.chunk_left -= size;
    b->size = size;
    b->locked = heap.chunk_locked;
    return b;
}

static struct block *
map_large(size_t whole)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = (whole + page - 1) / page * page;
    bool locked;
    struct block *b = map_locked(size, &locked);
    if (b == NULL)
        return NULL;
    b->size = size;
    b->locked = locked;
    return b;
}

void *
secret_heap_take(size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size_t whole = size + sizeof(struct block);
    pthread_once(&heap.once, watch_forks);
    pthread_mutex_lock(&heap.lock);
    struct block *b = whole <= (size_t)1 << LARGEST_SHIFT ? cut(class_of(whole))
                                                          : map_large(whole);
    if (b != NULL && !b->locked)
        heap.unlocked++;
    pthread_mutex_unlock(&heap.lock);
    return b != NULL ? b + 1 : NULL;
}

size_t
secret_heap_size(const void *p)
{
    const struct block *b = (const struct block *)p - 1;
    return b->size != 0 ? b->size - sizeof *b : 0;
}

void
secret_heap_give(void *p)
{
    if (p == NULL || secret_heap_size(p) == 0)
        return;
    struct block *b = (struct block *)p - 1;
    wipe(p, secret_heap_size(p));
    pthread_mutex_lock(&heap.lock);
    if (!b->locked)
        heap.unlocked--;
    if (b->size > (size_t)1 << LARGEST_SHIFT) {
        munmap(b, b->size);
    } else {
        size_t class = class_of(b->size);
        b->next = heap.free[class];
        heap.free[class] = b;
    }
    pthread_mutex_unlock(&heap.lock);
}

size_t
secret_heap_unlocked(void)
{
    pthread_mutex_lock(&heap.lock);
    size_t n = heap.unlocked;
    pthread_mutex_unlock(&heap.lock);
    return n;
}
