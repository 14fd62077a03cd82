#include "tests/lib/scene.h"

#include "proxy/base/memory.h"
#include "tests/lib/http.h"

#include <stdio.h>

enum { CHANGES_MAX = 32 };

struct scene *scene_create(const char *const changes[])
{
    struct scene *scene = mem_zero(1, sizeof(*scene));
    char address[64];
    const char *all[CHANGES_MAX] = {address, "backend:db1.role = primary",
                                    "backend:db1.tls = disabled", "monitor.failures = 1000",
                                    "proxy.queue_timeout = 2s"};
    size_t count = 5;
    for (size_t i = 0; changes != NULL && changes[i] != NULL; i++) {
        assert_true(count < CHANGES_MAX - 1);
        all[count++] = changes[i];
    }
    scene->fake = fake_start();
    snprintf(address, sizeof(address), "backend:db1.address = 127.0.0.1:%u",
             fake_port(scene->fake));
    scene->instance = instance_start(NULL, all);
    scene->witness = scene_client(scene);
    return scene;
}

int scene_setup(void **state)
{
    *state = scene_create(NULL);
    return 0;
}

int scene_teardown(void **state)
{
    struct scene *scene = *state;
    if (scene == NULL) { // the setup failed
        return 0;
    }
    instance_kill(scene->instance);
    fake_stop(scene->fake);
    mem_free(scene);
    return 0;
}

void the_proxy_ends_well(void **state)
{
    static const char *const expected[] = {"backend.*", "monitor.*", "session.*",  "client.*",
                                           "login.*",   "pool.*",    "topology.*", NULL};
    struct scene *scene = *state;
    assert_scene_sound(scene);
    peer_close(scene->witness);
    struct instance *instance = scene->instance;
    scene->instance = NULL;
    instance_stop(instance, expected);
}

struct peer *scene_client(const struct scene *scene)
{
    struct peer *peer = peer_connect(scene->instance->port);
    peer_login(peer, "app", "app-secret", NULL);
    return peer;
}

void assert_scene_sound(const struct scene *scene)
{
    assert_true(slice_equal(peer_query_value(scene->witness, "SELECT 4711"), S("4711")));
    assert_soon(http_metric_sum(scene->instance->http_port, "sluice_clients", "") == 1);
}
