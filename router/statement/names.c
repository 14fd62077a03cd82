// The names of every table of this room.
#include "router/statement/pin.h"
#include "router/statement/reason.h"
#include "router/statement/statement.h"

#include <assert.h>

struct row {
    struct slice name;
    struct slice sentence;
};

static const struct row reasons[] = {
#define REASON(name, text, sentence) {SLICE_INIT(text), SLICE_INIT(sentence)},
#include "router/statement/reasons.def"
#undef REASON
};

static const struct row pins[] = {
#define PIN(name, text, sentence) {SLICE_INIT(text), SLICE_INIT(sentence)},
#include "router/statement/pins.def"
#undef PIN
};

static const struct slice kinds[] = {
#define KIND(name, text) SLICE_INIT(text),
#include "router/statement/kinds.def"
#undef KIND
};

static const struct row effects[] = {
#define EFFECT(name, text, sentence) {SLICE_INIT(text), SLICE_INIT(sentence)},
#include "router/statement/effects.def"
#undef EFFECT
};

static const struct row asks[] = {
#define ASK(name, text, sentence) {SLICE_INIT(text), SLICE_INIT(sentence)},
#include "router/statement/asks.def"
#undef ASK
};

static const struct slice uncacheables[] = {
#define UNCACHEABLE(name, sentence) SLICE_INIT(sentence),
#include "router/statement/uncacheable.def"
#undef UNCACHEABLE
};

struct slice route_reason_name(enum route_reason reason)
{
    assert(reason < ROUTE_REASON_COUNT);
    return reasons[reason].name;
}

struct slice route_reason_sentence(enum route_reason reason)
{
    assert(reason < ROUTE_REASON_COUNT);
    return reasons[reason].sentence;
}

struct slice pin_reason_name(enum pin_reason pin)
{
    assert(pin < PIN_COUNT);
    return pins[pin].name;
}

struct slice pin_reason_sentence(enum pin_reason pin)
{
    assert(pin < PIN_COUNT);
    return pins[pin].sentence;
}

struct slice statement_kind_name(enum statement_kind kind)
{
    assert(kind < STATEMENT_KIND_COUNT);
    return kinds[kind];
}

struct slice statement_effect_name(enum statement_effect effect)
{
    assert(effect < EFFECT_COUNT);
    return effects[effect].name;
}

struct slice statement_ask_name(enum statement_ask ask)
{
    assert(ask < ASK_COUNT);
    return asks[ask].name;
}

struct slice uncacheable_reason_sentence(enum uncacheable_reason reason)
{
    assert(reason < UNCACHEABLE_COUNT);
    return uncacheables[reason];
}
