#include "proxy/base/slab.h"

#include "proxy/base/random.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void objects_are_aligned_and_apart(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 7, 8, 9, 16, 17, 100, 4096};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct slab slab;
        unsigned char *objects[20];
        slab_init(&slab, sizes[s], 3);
        assert_null(slab.pages);
        for (int i = 0; i < 20; i++) {
            objects[i] = slab_take(&slab);
            assert_int_equal((uintptr_t)objects[i] % alignof(max_align_t), 0);
            memset(objects[i], i, sizes[s]);
        }
        assert_int_equal(slab.used, 20);
        for (int i = 0; i < 20; i++) {
            for (size_t k = 0; k < sizes[s]; k++) {
                assert_int_equal(objects[i][k], i);
            }
            slab_give(&slab, &objects[i]);
            assert_null(objects[i]);
        }
        assert_int_equal(slab.used, 0);
        slab_release(&slab);
        assert_null(slab.pages);
    }
}

static void the_object_given_back_last_is_taken_first(void **state)
{
    (void)state;
    struct slab slab;
    slab_init(&slab, 32, 4);
    void *a = slab_take(&slab);
    void *b = slab_take(&slab);
    void *was_a = a;
    void *was_b = b;
    slab_give(&slab, &a);
    slab_give(&slab, &b);
    slab_give(&slab, &b); // NULL by now
    assert_int_equal(slab.used, 0);
    assert_ptr_equal(b = slab_take(&slab), was_b);
    assert_ptr_equal(a = slab_take(&slab), was_a);
    slab_give(&slab, &a);
    slab_give(&slab, &b);
    slab_release(&slab);
}

static void zeroed_objects_are_zero_though_they_were_used(void **state)
{
    (void)state;
    struct slab slab;
    slab_init(&slab, 48, 1);
    unsigned char *object = slab_take(&slab);
    memset(object, 0xff, 48);
    slab_give(&slab, &object);
    object = slab_take_zero(&slab);
    for (int i = 0; i < 48; i++) {
        assert_int_equal(object[i], 0);
    }
    slab_give(&slab, &object);
    slab_release(&slab);
}

static size_t pages_count(const struct slab *slab)
{
    size_t count = 0;
    // A page starts with the pointer to the one before it.
    for (void *page = slab->pages; page != NULL; page = *(void **)page) {
        count++;
    }
    return count;
}

// However objects come and go, memory is that of the most that were out at one time.
static void the_steady_state_takes_nothing_from_the_heap(void **state)
{
    (void)state;
    enum { MOST = 100, PER_PAGE = 10 };
    struct slab slab;
    void *objects[MOST] = {NULL};
    slab_init(&slab, 64, PER_PAGE);
    for (int i = 0; i < MOST; i++) {
        objects[i] = slab_take(&slab);
    }
    assert_int_equal(pages_count(&slab), MOST / PER_PAGE);
    random_seed(3);
    for (int step = 0; step < 20000; step++) {
        void **object = &objects[random_below(MOST)];
        if (*object != NULL) {
            slab_give(&slab, object);
        } else {
            *object = slab_take(&slab);
            memset(*object, 0x5a, 64);
        }
    }
    for (int i = 0; i < MOST; i++) {
        slab_give(&slab, &objects[i]);
    }
    assert_int_equal(pages_count(&slab), MOST / PER_PAGE);
    slab_release(&slab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_aligned_and_apart),
        cmocka_unit_test(the_object_given_back_last_is_taken_first),
        cmocka_unit_test(zeroed_objects_are_zero_though_they_were_used),
        cmocka_unit_test(the_steady_state_takes_nothing_from_the_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
