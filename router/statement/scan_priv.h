// The general reader: walks over the tokens of expressions and queries at every depth and reports
// what they do, without building a tree. Everything that is not a matter of one statement's own
// grammar ends here.
#pragma once

#include "router/statement/parser_priv.h"

// Where the scan begins.
enum scan_place {
    SCAN_EXPRESSION = 0,
    SCAN_QUERY = 1 << 0,   // a query may begin here: WITH is a list of tables
    SCAN_TABLES = 1 << 1,  // in a list of tables, a table's name is next
    SCAN_WRITTEN = 1 << 2, // and these are written
};

enum scan_stop {
    SCAN_TO_END = 0,
    SCAN_TO_COMMA = 1 << 0, // stops at a comma outside of parentheses
    SCAN_TO_FOR = 1 << 1,   // and at FOR
    SCAN_TO_SET = 1 << 2,   // and at SET
    SCAN_TO_FROM = 1 << 3,  // and at FROM
    // In stored programs, outside of CASE ... END:
    SCAN_TO_THEN = 1 << 4,
    SCAN_TO_WHEN = 1 << 5,
    SCAN_TO_DO = 1 << 6,
    SCAN_TO_BLOCK_END = 1 << 7, // END
};

// Reads on until the statement ends, or before the token where it is to stop.
void scan(struct parser *parser, unsigned place, unsigned stop);
