#include "tests/soak/checker.h"

#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 2, 3))) static struct verdict verdict(bool is_good,
                                                                    const char *format, ...)
{
    struct verdict made = {.is_good = is_good};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(made.text, sizeof(made.text), format, arguments);
    va_end(arguments);
    return made;
}

// --- growth --------------------------------------------------------------------------------------

enum { LOOKS_LEAST = 4 };

size_t looks_warm_up(size_t count)
{
    enum { SHARE = 4, LEAST = 2 };
    return count / SHARE > LEAST ? count / SHARE : LEAST;
}

typedef double figure_fn(const struct look *look);

static double figure_resident(const struct look *look)
{
    return look->resident;
}

static double figure_blocks(const struct look *look)
{
    return look->blocks;
}

// For each client, by least squares.
static double slope(const struct look *looks, size_t count, figure_fn *figure)
{
    double x = 0, y = 0, xx = 0, xy = 0, n = (double)count;
    for (size_t i = 0; i < count; i++) {
        double clients = looks[i].clients - looks[0].clients; // small numbers lose no digits
        double value = figure(&looks[i]) - figure(&looks[0]);
        x += clients;
        y += value;
        xx += clients * clients;
        xy += clients * value;
    }
    double spread = n * xx - x * x;
    return spread > 0 ? (n * xy - x * y) / spread : 0;
}

static struct verdict growth_judge(const char *what, const struct look *looks, size_t count,
                                   figure_fn *figure, double slack)
{
    size_t warm_up = looks_warm_up(count);
    if (count < warm_up + LOOKS_LEAST) {
        return verdict(false, "%s: %zu looks are too few to tell", what, count);
    }
    const struct look *first = &looks[warm_up], *last = &looks[count - 1];
    double clients = last->clients - first->clients;
    double each = slope(first, count - warm_up, figure);
    return verdict(clients > 0 && each * clients <= slack,
                   "%s: %.0f after the warm-up, %.0f at the end; %+.3f for each of %.0f clients, "
                   "%+.0f in all (allowed: %.0f)",
                   what, figure(first), figure(last), each, clients, each * clients, slack);
}

struct verdict looks_judge_resident(const struct look *looks, size_t count, struct slack slack)
{
    return growth_judge("resident bytes", looks, count, figure_resident, slack.resident);
}

struct verdict looks_judge_blocks(const struct look *looks, size_t count, struct slack slack)
{
    return growth_judge("heap blocks", looks, count, figure_blocks, slack.blocks);
}

struct verdict looks_judge_descriptors(const struct look *looks, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (looks[i].descriptors != looks[0].descriptors) {
            return verdict(false, "open files: %.0f in the first look, %.0f in look %zu",
                           looks[0].descriptors, looks[i].descriptors, i + 1);
        }
    }
    return verdict(count > 1, "open files: %.0f in each of %zu looks",
                   count > 0 ? looks[0].descriptors : 0, count);
}

// --- counts --------------------------------------------------------------------------------------

struct verdict count_judge(const char *what, double counted, struct range known)
{
    bool is_good = counted >= known.least && counted <= known.most;
    if (known.least == known.most) {
        return verdict(is_good, "%s: %.0f counted, %.0f made", what, counted, known.least);
    }
    return verdict(is_good, "%s: %.0f counted, %.0f surely made and at most %.0f", what, counted,
                   known.least, known.most);
}
