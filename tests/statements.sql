-- What the statements of statements.table need: load it with `mariadb < tests/statements.sql` into a
-- server that may be MariaDB or MySQL. It makes the schemas app and other anew.
--
-- Option of sluice for the table: routing.pure_functions = app.discount
DROP DATABASE IF EXISTS app;
DROP DATABASE IF EXISTS other;
CREATE DATABASE app DEFAULT CHARACTER SET utf8mb4;
CREATE DATABASE other DEFAULT CHARACTER SET utf8mb4;
USE app;

-- Plain tables.
CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, a INT, b VARCHAR(100), c INT, d DATETIME, doc TEXT,
                FULLTEXT KEY b_text (b), KEY a_key (a)) ENGINE=InnoDB;
CREATE TABLE u (id INT PRIMARY KEY AUTO_INCREMENT, t_id INT, x INT, y VARCHAR(100)) ENGINE=InnoDB;
CREATE TABLE `order` (id INT PRIMARY KEY, `select` INT, `group` VARCHAR(20)) ENGINE=InnoDB;
CREATE TABLE counter (id INT PRIMARY KEY, n INT NOT NULL) ENGINE=InnoDB;
CREATE TABLE parent (id INT PRIMARY KEY) ENGINE=InnoDB;
CREATE TABLE child (id INT PRIMARY KEY, parent_id INT,
                    FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE)
                    ENGINE=InnoDB;
CREATE TABLE g (id INT PRIMARY KEY, p POINT NOT NULL) ENGINE=InnoDB;
CREATE TABLE sbtest1 (id INT PRIMARY KEY AUTO_INCREMENT, k INT NOT NULL DEFAULT 0, c CHAR(120) NOT NULL DEFAULT '',
                      pad CHAR(60) NOT NULL DEFAULT '', KEY k_1 (k)) ENGINE=InnoDB;
CREATE TABLE other.t (id INT PRIMARY KEY, a INT, b VARCHAR(100)) ENGINE=InnoDB;

-- Tables as applications make them.
CREATE TABLE wp_posts (ID BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, post_author BIGINT UNSIGNED NOT NULL DEFAULT 0,
                       post_date DATETIME, post_title TEXT, post_status VARCHAR(20), post_type VARCHAR(20),
                       post_name VARCHAR(200), post_parent BIGINT UNSIGNED NOT NULL DEFAULT 0, menu_order INT NOT NULL DEFAULT 0,
                       post_password VARCHAR(255) NOT NULL DEFAULT '', post_content LONGTEXT);
CREATE TABLE wp_postmeta (meta_id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, post_id BIGINT UNSIGNED, meta_key VARCHAR(255),
                          meta_value LONGTEXT);
CREATE TABLE wp_users (ID BIGINT UNSIGNED PRIMARY KEY, user_login VARCHAR(60), display_name VARCHAR(250));
CREATE TABLE wp_options (option_id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, option_name VARCHAR(191) UNIQUE,
                         option_value LONGTEXT, autoload VARCHAR(20) NOT NULL DEFAULT 'yes');
CREATE TABLE wp_terms (term_id BIGINT UNSIGNED PRIMARY KEY, name VARCHAR(200), slug VARCHAR(200));
CREATE TABLE wp_term_taxonomy (term_taxonomy_id BIGINT UNSIGNED PRIMARY KEY, term_id BIGINT UNSIGNED, taxonomy VARCHAR(32),
                               count BIGINT NOT NULL DEFAULT 0);
CREATE TABLE wp_term_relationships (object_id BIGINT UNSIGNED, term_taxonomy_id BIGINT UNSIGNED,
                                    PRIMARY KEY (object_id, term_taxonomy_id));
CREATE TABLE django_session (session_key VARCHAR(40) PRIMARY KEY, session_data LONGTEXT, expire_date DATETIME(6));
CREATE TABLE django_migrations (id BIGINT PRIMARY KEY AUTO_INCREMENT, app VARCHAR(255), name VARCHAR(255), applied DATETIME(6));
CREATE TABLE auth_user (id INT PRIMARY KEY AUTO_INCREMENT, username VARCHAR(150), is_active TINYINT(1), last_login DATETIME(6));
CREATE TABLE users (id BIGINT PRIMARY KEY AUTO_INCREMENT, email VARCHAR(255), name VARCHAR(255), created_at DATETIME(6), version INT);
CREATE TABLE articles (id BIGINT PRIMARY KEY AUTO_INCREMENT, user_id BIGINT, title VARCHAR(255), published TINYINT(1),
                       updated_at DATETIME(6));
CREATE TABLE schema_migrations (version VARCHAR(255) PRIMARY KEY);
CREATE TABLE hibernate_sequence (next_val BIGINT);
CREATE TABLE sessions (sid VARCHAR(128) PRIMARY KEY, uid INT, hostname VARCHAR(128), timestamp INT, session LONGBLOB);
CREATE TABLE cache_config (cid VARCHAR(255) PRIMARY KEY, data LONGBLOB, expire INT NOT NULL DEFAULT 0, created DECIMAL(14,3),
                           serialized SMALLINT, tags LONGTEXT, checksum VARCHAR(255));
CREATE TABLE semaphore (name VARCHAR(255) PRIMARY KEY, value VARCHAR(255), expire DOUBLE);
CREATE TABLE catalog_product_entity (entity_id INT UNSIGNED PRIMARY KEY AUTO_INCREMENT, sku VARCHAR(64), type_id VARCHAR(32));
CREATE TABLE cataloginventory_stock_item (product_id INT UNSIGNED PRIMARY KEY, stock_id SMALLINT, qty DECIMAL(12,4),
                                          website_id SMALLINT);
CREATE TABLE jobs (id BIGINT PRIMARY KEY AUTO_INCREMENT, queue VARCHAR(255), reserved_at INT, available_at INT, attempts INT,
                   payload LONGTEXT);

INSERT INTO t (a, b, c, d, doc) VALUES (1, 'one', 10, '2024-01-01 10:00:00', '{"x": 1, "list": [1, 2]}'),
    (2, 'two', 20, '2024-02-01 10:00:00', '{"x": 2, "list": []}'), (3, 'three', 30, NULL, NULL);
INSERT INTO u (t_id, x, y) VALUES (1, 100, 'p'), (2, 200, 'q');
INSERT INTO `order` VALUES (1, 2, 'g');
INSERT INTO counter VALUES (1, 0);
INSERT INTO parent VALUES (1), (2);
INSERT INTO child VALUES (1, 1), (2, 2);
INSERT INTO g VALUES (1, ST_GeomFromText('POINT(1 2)'));
INSERT INTO sbtest1 (k, c, pad) VALUES (5, 'c', 'pad');
INSERT INTO other.t VALUES (1, 1, 'other');
INSERT INTO hibernate_sequence VALUES (1);
INSERT INTO wp_users VALUES (1, 'admin', 'Admin');
INSERT INTO semaphore VALUES ('cron', 'x', 0);

-- Functions: the first two are nothing but RETURN of something harmless, the third is allowed by name. One
-- has a name that other servers have built in.
DELIMITER //
CREATE FUNCTION net (price DECIMAL(10,2)) RETURNS DECIMAL(10,2) DETERMINISTIC NO SQL RETURN ROUND(price / 1.19, 2)//
CREATE FUNCTION age_of (born DATE) RETURNS INT NOT DETERMINISTIC NO SQL RETURN TIMESTAMPDIFF(YEAR, born, CURDATE())//
CREATE FUNCTION discount (price DECIMAL(10,2)) RETURNS DECIMAL(10,2) DETERMINISTIC NO SQL
BEGIN
    IF price > 100 THEN
        RETURN price * 0.9;
    END IF;
    RETURN price;
END//
CREATE FUNCTION count_call (n INT) RETURNS INT READS SQL DATA DETERMINISTIC
BEGIN
    UPDATE counter SET counter.n = counter.n + 1 WHERE id = 1;
    RETURN n;
END//
CREATE FUNCTION to_json (n INT) RETURNS INT DETERMINISTIC NO SQL
BEGIN
    SET @to_json = n;
    RETURN n;
END//
/*M!100300 CREATE FUNCTION uuid_to_bin (n INT) RETURNS INT DETERMINISTIC NO SQL
BEGIN
    UPDATE counter SET counter.n = counter.n + 1 WHERE id = 1;
    RETURN n;
END */;//
CREATE PROCEDURE p_read () SELECT COUNT(*) FROM t//
CREATE PROCEDURE p_write (IN n INT)
BEGIN
    UPDATE counter SET counter.n = n WHERE id = 1;
END//
CREATE TRIGGER t_touch AFTER UPDATE ON u FOR EACH ROW UPDATE counter SET n = n + 1 WHERE id = 2//
DELIMITER ;

-- Views: what they hide decides.
CREATE VIEW v_plain AS SELECT id, UPPER(b) AS b, a + c AS total FROM t WHERE a > 0;
CREATE VIEW v_nested AS SELECT v.id, u.x FROM v_plain v JOIN u ON u.t_id = v.id;
CREATE VIEW v_now AS SELECT id, d > NOW() AS is_future FROM t;
CREATE VIEW v_net AS SELECT id, net(c) AS net FROM t;
CREATE VIEW v_function AS SELECT id, count_call(a) AS n FROM t;
CREATE VIEW v_hidden AS SELECT id FROM v_function;
CREATE VIEW v_user AS SELECT id FROM t WHERE b = SUBSTRING_INDEX(CURRENT_USER(), '@', 1);
CREATE VIEW v_processes AS SELECT id FROM information_schema.processlist;

-- A sequence, where there are any.
/*M!100300 CREATE SEQUENCE s START WITH 100 */;
