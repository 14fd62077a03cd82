// What peer tests stand on: a fake server as the primary, a sluice in front of it, and a session
// that must not notice anything of what the test does to others.
#pragma once

#include "tests/lib/cmocka.h"
#include "tests/lib/fake.h"
#include "tests/lib/instance.h"
#include "tests/lib/peer.h"
#include "tests/lib/wait.h"

struct scene {
    struct fake *fake;
    struct instance *instance;
    struct peer *witness; // logged in as app
};

// With these changes of proxy.ini beside the fake server's; may be NULL.
struct scene *scene_create(const char *const changes[]);
// Group setup and teardown.
int scene_setup(void **state);
int scene_teardown(void **state);
// The last test of every group: the proxy ends well, and its log has nothing but what lost servers
// and clients' faults leave there.
void the_proxy_ends_well(void **state);

// A session of its own, logged in as app.
struct peer *scene_client(const struct scene *scene);
// The witness still gets answers, and no other client is left.
void assert_scene_sound(const struct scene *scene);
