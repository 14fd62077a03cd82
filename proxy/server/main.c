// The command line: what is to be done with which proxy.ini.
#include "conf/config.h"
#include "conf/diagnostic.h"
#include "proxy/base/buffer.h"
#include "proxy/observe/metric.h"
#include "proxy/server/process.h"
#include "proxy/server/setup.h"

#include <getopt.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <unistd.h>

enum action { RUN, CHECK, PRINT_CONFIG };

static const char usage[] =
    "usage: sluice [-c FILE] [--check [--online]] [--options] [--metrics] [--print-config] "
    "[--version]\n"
    "\n"
    "  -c, --config FILE  the configuration; else ./proxy.ini, else /etc/sluice/proxy.ini\n"
    "      --check        read and check the configuration, report every mistake, and end\n"
    "      --online       with --check: log in to the servers too, and say which grants are "
    "missing (not built yet)\n"
    "      --options      print the reference of options\n"
    "      --metrics      print the reference of metrics\n"
    "      --print-config print the configuration as it is in effect, secrets masked\n"
    "      --version      print the version\n"
    "      --help         print this\n"
    "\n"
    "SIGTERM and SIGINT drain and stop (a second one: at once), SIGHUP reloads.\n";

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"check", no_argument, NULL, 'k'},
    {"online", no_argument, NULL, 'n'},
    {"options", no_argument, NULL, 'o'},
    {"metrics", no_argument, NULL, 'm'},
    {"print-config", no_argument, NULL, 'p'},
    {"version", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int metrics_show(void)
{
    struct buffer text = BUFFER_INIT;
    metric_print_reference(&text);
    fwrite(buffer_ptr(&text), 1, buffer_len(&text), stdout);
    buffer_release(&text);
    return 0;
}

static const char *default_path(void)
{
    return access("proxy.ini", R_OK) == 0 ? "proxy.ini" : "/etc/sluice/proxy.ini";
}

// Reads the file and says everything there is to say about it. NULL where it is of no use.
static const struct config *config_read(const char *path)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    const struct config *config = config_load(path, &diagnostics);
    if (config != NULL) {
        struct worker_setup *setup = setup_make(config, NULL, &diagnostics);
        worker_setup_unref(setup);
        if (setup == NULL) {
            config_unref(config);
            config = NULL;
        }
    }
    diagnostics_sort(&diagnostics);
    diagnostics_print(&diagnostics, stderr);
    diagnostics_release(&diagnostics);
    return config;
}

static int act(enum action action, const char *path)
{
    int status = 0;
    const struct config *config = config_read(path);
    if (config == NULL) {
        fprintf(stderr, "sluice: %s has mistakes; nothing was started\n", path);
        return 1;
    }
    switch (action) {
    case RUN:
        status = process_run(config, path);
        break;
    case CHECK:
        printf("%s: good\n", path);
        break;
    case PRINT_CONFIG:
        config_print(config, stdout);
        break;
    }
    config_unref(config);
    return status;
}

int main(int argc, char **argv)
{
    const char *path = NULL;
    enum action action = RUN;
    int option;

    // Passwords live in memory that is locked and left out of core files.
    CRYPTO_secure_malloc_init(1 << 20, 32);
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 'k':
            action = CHECK;
            break;
        case 'n':
            fputs("sluice: --online is not built yet\n", stderr);
            return 2;
        case 'o':
            config_print_options(stdout);
            return 0;
        case 'm':
            return metrics_show();
        case 'p':
            action = PRINT_CONFIG;
            break;
        case 'v':
            puts("sluice " SLUICE_VERSION);
            return 0;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "sluice: unexpected argument: %s\n%s", argv[optind], usage);
        return 2;
    }
    return act(action, path != NULL ? path : default_path());
}
