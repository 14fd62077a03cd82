// A server's wish for a file of the client's, in answer to LOAD DATA LOCAL INFILE. The client sends
// the file in packets and an empty packet behind them; then comes the answer proper. Any thread.
// Manual: page_protocol_com_query_response_local_infile_request
#pragma once

#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum { INFILE_REQUEST_HEADER = 0xFB };

struct infile_request {
    struct slice filename;
};

// Reads a payload; the slice points into it. False where it is no such packet.
__attribute__((warn_unused_result)) bool infile_request_decode(struct infile_request *request,
                                                               struct slice payload);
// Writes a payload.
void infile_request_encode(const struct infile_request *request, struct writer *writer);
