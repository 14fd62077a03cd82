-- Run once, on a replica's new data folder: it follows the primary from its first transaction on, and has none of its own.
RESET MASTER;
EXECUTE IMMEDIATE CONCAT('CHANGE MASTER TO MASTER_HOST = ''primary'', MASTER_USER = ''replication'', MASTER_PASSWORD = ',
    QUOTE(TRIM(TRAILING '\n' FROM LOAD_FILE('/run/secrets/replication_password'))),
    ', MASTER_USE_GTID = slave_pos, MASTER_HEARTBEAT_PERIOD = 1, MASTER_CONNECT_RETRY = 1');
