-- Run once, on the primary's new data folder: the accounts, and a schema for the application. The replicas get them by
-- replication: but not what the image did before, which it did on them too. The monitor's rights are those that README.md
-- names.
RESET MASTER;
CREATE DATABASE app;

EXECUTE IMMEDIATE CONCAT('CREATE USER monitor IDENTIFIED BY ', QUOTE(TRIM(TRAILING '\n' FROM LOAD_FILE('/run/secrets/monitor_password'))));
GRANT REPLICA MONITOR, SHOW VIEW, TRIGGER ON *.* TO monitor;
GRANT SELECT ON mysql.proc TO monitor;
GRANT SELECT ON mysql.func TO monitor;
GRANT SELECT ON app.* TO monitor;

EXECUTE IMMEDIATE CONCAT('CREATE USER replication IDENTIFIED BY ', QUOTE(TRIM(TRAILING '\n' FROM LOAD_FILE('/run/secrets/replication_password'))));
GRANT REPLICATION SLAVE ON *.* TO replication;

EXECUTE IMMEDIATE CONCAT('CREATE USER app IDENTIFIED BY ', QUOTE(TRIM(TRAILING '\n' FROM LOAD_FILE('/run/secrets/app_password'))));
GRANT ALL PRIVILEGES ON app.* TO app;
