#include "tests/lib/family.h"

#include "tests/lib/cmocka.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    const char *folder; // NULL: this machine's own
} kinds[] = {
    [SERVERS_MARIADB] = {"mariadb", NULL},
    [SERVERS_MYSQL] = {"mysql", "build/binaries/mysql-server"},
    [SERVERS_MARIADB_11] = {"mariadb-11", "build/binaries/mariadb-11"},
};

enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

enum servers servers_of_run(void)
{
    const char *name = getenv("SERVERS");
    if (name == NULL || name[0] == '\0') {
        return SERVERS_MARIADB;
    }
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (strcmp(kinds[kind].name, name) == 0) {
            return (enum servers)kind;
        }
    }
    fail_msg("SERVERS=%s: mariadb, mysql or mariadb-11", name);
    return SERVERS_MARIADB;
}

bool servers_are_mysql(void)
{
    return servers_of_run() == SERVERS_MYSQL;
}

bool servers_are_there(enum servers kind)
{
    return kinds[kind].folder == NULL || access(kinds[kind].folder, F_OK) == 0;
}

const char *dialect(const char *mariadb, const char *mysql)
{
    return servers_are_mysql() ? mysql : mariadb;
}
