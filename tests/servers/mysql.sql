-- The accounts of a test stack, all by caching_sha2_password. The monitor's and the replication user's grants are those that
-- README.md names.
ALTER USER 'root'@'localhost' IDENTIFIED BY 'root-secret';
CREATE USER 'root'@'%' IDENTIFIED BY 'root-secret';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;

CREATE USER 'monitor'@'%' IDENTIFIED BY 'monitor-secret';
GRANT REPLICATION CLIENT, SHOW VIEW, TRIGGER, SHOW_ROUTINE ON *.* TO 'monitor'@'%';
GRANT SELECT ON mysql.func TO 'monitor'@'%';
GRANT SELECT ON performance_schema.processlist TO 'monitor'@'%';
GRANT SELECT ON app.* TO 'monitor'@'%';
GRANT SELECT ON other.* TO 'monitor'@'%';

CREATE USER 'replication'@'%' IDENTIFIED BY 'replication-secret';
GRANT REPLICATION SLAVE ON *.* TO 'replication'@'%';

-- app stands in proxy.ini; guest does not, and is known to the servers alone.
CREATE DATABASE app CHARACTER SET utf8mb4;
CREATE DATABASE other CHARACTER SET utf8mb4;
CREATE USER 'app'@'%' IDENTIFIED BY 'app-secret';
GRANT ALL PRIVILEGES ON app.* TO 'app'@'%';
GRANT ALL PRIVILEGES ON other.* TO 'app'@'%';
GRANT XA_RECOVER_ADMIN ON *.* TO 'app'@'%'; -- which MariaDB gives to everybody
CREATE USER 'guest'@'%' IDENTIFIED BY 'guest-secret';
GRANT ALL PRIVILEGES ON app.* TO 'guest'@'%';
