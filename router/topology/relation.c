// Who replicates from whom: a channel's source is one of ours where its uuid, its address or (where
// only one server has it) its server id says so, in that order.
#include "router/topology/judge_priv.h"

// The uuid decides alone where both sides know it: -1 is "none of ours" then.
static bool uuid_source_find(const struct judge *judge, int i, struct slice uuid, int *source)
{
    bool knows_all = uuid.len > 0;
    *source = -1;
    for (int k = 0; k < judge->next->count && uuid.len > 0; k++) {
        struct slice theirs = judge->facts[k].uuid;
        if (k != i && slice_equal_nocase(theirs, uuid)) {
            *source = k;
            return true;
        }
        knows_all = knows_all && theirs.len > 0;
    }
    return knows_all;
}

static bool is_place(const struct conf_address *address, struct slice host, uint16_t port)
{
    return address->kind == CONF_ADDRESS_TCP && address->port == port &&
           slice_equal_nocase(address->host, host);
}

static int address_source_find(const struct judge *judge, int i,
                               const struct channel_facts *channel)
{
    struct slice host = channel->source_host;
    uint16_t port = channel->source_port;
    for (int k = 0; k < judge->next->count; k++) {
        const struct conf_backend *backend = &judge->config->backends[k];
        const struct server_facts *facts = &judge->facts[k];
        bool is_reported = facts->report_host.len > 0 && facts->report_port == port &&
                           slice_equal_nocase(facts->report_host, host);
        if (k != i && (is_place(&backend->address, host, port) ||
                       is_place(&backend->replication_address, host, port) || is_reported)) {
            return k;
        }
    }
    return -1;
}

// Server ids repeat where nobody set them: one that two servers have says nothing.
static int server_id_source_find(const struct judge *judge, int i, uint32_t server_id)
{
    int source = -1;
    for (int k = 0; k < judge->next->count; k++) {
        if (k == i || server_id == 0 || judge->facts[k].server_id != server_id) {
            continue;
        }
        if (source >= 0) {
            return -1;
        }
        source = k;
    }
    return source;
}

int channel_source_find(const struct judge *judge, int i, const struct channel_facts *channel)
{
    int source;
    if (uuid_source_find(judge, i, channel->source_uuid, &source)) {
        return source;
    }
    source = address_source_find(judge, i, channel);
    return source >= 0 ? source : server_id_source_find(judge, i, channel->source_server_id);
}

void relations_judge(struct judge *judge)
{
    for (int i = 0; i < judge->next->count; i++) {
        struct server *server = &judge->next->servers[i];
        const struct server_facts *facts = &judge->facts[i];
        for (size_t c = 0; c < facts->channel_count && server->source < 0; c++) {
            server->source = channel_source_find(judge, i, &facts->channels[c]);
        }
        if (server->source >= 0 && judge_is_alive(judge, i)) {
            judge->followers[server->source]++;
        }
    }
}

bool relation_is_ring(const struct judge *judge, int i)
{
    int at = judge->next->servers[i].source;
    for (int steps = 0; steps < judge->next->count && at >= 0; steps++) {
        if (at == i) {
            return true;
        }
        at = judge->next->servers[at].source;
    }
    return false;
}
