#include "proxy/base/random.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

struct generator {
    uint64_t a, b;
    bool is_seeded;
};

static _Thread_local struct generator generator;

void random_bytes(void *out, size_t len)
{
    char *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno != EINTR) {
            perror("sluice: getrandom");
            abort();
        }
        if (got > 0) {
            at += got;
            len -= (size_t)got;
        }
    }
}

// splitmix64: spreads one seed over the generator's two words.
static uint64_t spread(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

void random_seed(uint64_t seed)
{
    generator.a = spread(&seed);
    generator.b = spread(&seed);
    generator.is_seeded = true;
}

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

uint64_t random_u64(void)
{
    if (!generator.is_seeded) {
        uint64_t seed;
        random_bytes(&seed, sizeof(seed));
        random_seed(seed);
    }
    uint64_t a = generator.a;
    uint64_t b = generator.b ^ a;
    uint64_t result = a + generator.b;
    generator.a = rotate(a, 24) ^ b ^ (b << 16);
    generator.b = rotate(b, 37);
    return result;
}

uint32_t random_below(uint32_t limit)
{
    return (uint32_t)(((random_u64() >> 32) * limit) >> 32);
}
