#include "router/catalogue/catalogue_queries.h"

// The servers' own schemas are server-specific by name.
#define NOT_OWN(column)                                                                            \
    column " NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')"

const struct catalogue_query catalogue_queries[CATALOGUE_QUERY_COUNT] = {
    {CATALOGUE_QUERY_VIEWS, 3,
     SLICE_INIT("SELECT TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION"
                " FROM information_schema.VIEWS WHERE " NOT_OWN("TABLE_SCHEMA"))},
    {CATALOGUE_QUERY_ROUTINES, 5,
     SLICE_INIT("SELECT ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_TYPE, SQL_MODE,"
                " IF(ROUTINE_BODY = 'SQL', ROUTINE_DEFINITION, NULL)"
                " FROM information_schema.ROUTINES WHERE " NOT_OWN("ROUTINE_SCHEMA"))},
    {CATALOGUE_QUERY_PARAMETERS, 5,
     SLICE_INIT("SELECT SPECIFIC_SCHEMA, SPECIFIC_NAME, ROUTINE_TYPE, PARAMETER_NAME,"
                " PARAMETER_MODE"
                " FROM information_schema.PARAMETERS WHERE PARAMETER_NAME IS NOT NULL"
                " AND " NOT_OWN("SPECIFIC_SCHEMA"))},
    {CATALOGUE_QUERY_LOADABLE, 1, SLICE_INIT("SELECT /*M! SQL_NO_CACHE */ name FROM mysql.func")},
    {CATALOGUE_QUERY_TRIGGERS, 5,
     SLICE_INIT("SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, TRIGGER_NAME, SQL_MODE,"
                " ACTION_STATEMENT"
                " FROM information_schema.TRIGGERS WHERE " NOT_OWN("EVENT_OBJECT_SCHEMA"))},
    {CATALOGUE_QUERY_FOREIGN_KEYS, 6,
     SLICE_INIT("SELECT UNIQUE_CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME, CONSTRAINT_SCHEMA,"
                " TABLE_NAME, UPDATE_RULE, DELETE_RULE"
                " FROM information_schema.REFERENTIAL_CONSTRAINTS"
                " WHERE " NOT_OWN("CONSTRAINT_SCHEMA"))},
    {CATALOGUE_QUERY_ID_TABLES, 3,
     SLICE_INIT("SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS"
                " WHERE TABLE_SCHEMA IN ('information_schema', 'performance_schema')"
                " AND TABLE_NAME IN ('PROCESSLIST', 'processlist', 'INNODB_TRX')"
                " ORDER BY ORDINAL_POSITION")},
};
