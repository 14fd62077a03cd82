// How a session's server reads SQL text: the parts of sql_mode and of character_set_client that
// decide where a string ends and what is an identifier. A small value, copied freely. Any thread.
#pragma once

#include "proxy/base/slice.h"

#include <stdbool.h>

// Character sets by what their bytes may be taken for. In gbk, big5, sjis and gb18030 the second
// byte of a character may be a backslash or a backtick.
enum sql_charset {
    SQL_CHARSET_UTF8,        // utf8 of any kind, ascii, binary: bytes from 0x80 are letters
    SQL_CHARSET_SINGLE_BYTE, // latin1 and the like, and multi-byte ones without ASCII trail bytes
    SQL_CHARSET_GBK,
    SQL_CHARSET_BIG5,
    SQL_CHARSET_SJIS, // cp932 too
    SQL_CHARSET_GB18030,
    SQL_CHARSET_UNKNOWN, // a text with bytes from 0x80 is not read with certainty
};

struct sql_syntax {
    bool ansi_quotes;          // "x" is an identifier
    bool no_backslash_escapes; // \ is an ordinary byte of a string
    bool ignore_space;         // COUNT (x) calls the built-in function
    bool is_mode_unknown;      // none of the three is known: read both ways
    enum sql_charset charset;
};

// What both server families start with: backslash escapes, "x" a string, utf8.
#define SQL_SYNTAX_DEFAULT ((struct sql_syntax){false, false, false, false, SQL_CHARSET_UTF8})

// Takes the value of sql_mode as a server reports it or a client sets it: names with commas
// ("ANSI_QUOTES,STRICT_ALL_TABLES"; ANSI, ORACLE and the other combinations are understood) or a
// decimal number. Anything else makes the mode unknown. The charset stays.
void sql_syntax_set_mode(struct sql_syntax *syntax, struct slice mode);

// The kind of a character set by its name or by the name of one of its collations ("gbk",
// "gbk_chinese_ci", "utf8mb4"). An empty or unheard-of name is SQL_CHARSET_UNKNOWN.
enum sql_charset sql_charset_find(struct slice name);
