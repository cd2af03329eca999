-- A host of version 0.1.0 with a past, made by test/upgrade/dump.pl. Passwords are "upgraded".

SET default_transaction_read_only = off;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
CREATE ROLE app_direct;
ALTER ROLE app_direct WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM-SHA-256$4096:mDufyeK2AK5O+s/a+Eo+ew==$cvOlz6Jvw3feNR73AnjIe6WWuNknbsC0Of3N++HRXLo=:gb7IKIFwbtADbYAEAHZ/IgyeNvIsZo28ueLnO9t0DxY=';
SECURITY LABEL FOR appinfra ON ROLE app_direct IS 'db-ed18366b00a5 login owner';
CREATE ROLE app_direct_2;
ALTER ROLE app_direct_2 WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM-SHA-256$4096:mDufyeK2AK5O+s/a+Eo+ew==$cvOlz6Jvw3feNR73AnjIe6WWuNknbsC0Of3N++HRXLo=:gb7IKIFwbtADbYAEAHZ/IgyeNvIsZo28ueLnO9t0DxY=' VALID UNTIL '2076-11-28 09:16:54.632109+00';
SECURITY LABEL FOR appinfra ON ROLE app_direct_2 IS 'db-ed18366b00a5 login reader';
CREATE ROLE app_direct_owner;
ALTER ROLE app_direct_owner WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_direct_owner IS 'db-ed18366b00a5 group owner';
CREATE ROLE app_direct_reader;
ALTER ROLE app_direct_reader WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_direct_reader IS 'db-ed18366b00a5 group reader';
CREATE ROLE app_direct_service;
ALTER ROLE app_direct_service WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION BYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_direct_service IS 'db-ed18366b00a5 group service';
CREATE ROLE app_direct_writer;
ALTER ROLE app_direct_writer WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_direct_writer IS 'db-ed18366b00a5 group writer';
CREATE ROLE app_failed;
ALTER ROLE app_failed WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_failed IS 'db-62522d337862 login owner';
CREATE ROLE app_failed_owner;
ALTER ROLE app_failed_owner WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_failed_owner IS 'db-62522d337862 group owner';
CREATE ROLE app_failed_reader;
ALTER ROLE app_failed_reader WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_failed_reader IS 'db-62522d337862 group reader';
CREATE ROLE app_failed_service;
ALTER ROLE app_failed_service WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION BYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_failed_service IS 'db-62522d337862 group service';
CREATE ROLE app_failed_writer;
ALTER ROLE app_failed_writer WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_failed_writer IS 'db-62522d337862 group writer';
CREATE ROLE app_held;
ALTER ROLE app_held WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM-SHA-256$4096:mDufyeK2AK5O+s/a+Eo+ew==$cvOlz6Jvw3feNR73AnjIe6WWuNknbsC0Of3N++HRXLo=:gb7IKIFwbtADbYAEAHZ/IgyeNvIsZo28ueLnO9t0DxY=';
SECURITY LABEL FOR appinfra ON ROLE app_held IS 'db-b2729ba0adea login owner';
CREATE ROLE app_held_owner;
ALTER ROLE app_held_owner WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_held_owner IS 'db-b2729ba0adea group owner';
CREATE ROLE app_held_reader;
ALTER ROLE app_held_reader WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_held_reader IS 'db-b2729ba0adea group reader';
CREATE ROLE app_held_service;
ALTER ROLE app_held_service WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION BYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_held_service IS 'db-b2729ba0adea group service';
CREATE ROLE app_held_writer;
ALTER ROLE app_held_writer WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_held_writer IS 'db-b2729ba0adea group writer';
CREATE ROLE app_owed;
ALTER ROLE app_owed WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_owed IS 'db-8367c3a83d09 login owner';
CREATE ROLE app_owed_owner;
ALTER ROLE app_owed_owner WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_owed_owner IS 'db-8367c3a83d09 group owner';
CREATE ROLE app_owed_reader;
ALTER ROLE app_owed_reader WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_owed_reader IS 'db-8367c3a83d09 group reader';
CREATE ROLE app_owed_service;
ALTER ROLE app_owed_service WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION BYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_owed_service IS 'db-8367c3a83d09 group service';
CREATE ROLE app_owed_writer;
ALTER ROLE app_owed_writer WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_owed_writer IS 'db-8367c3a83d09 group writer';
CREATE ROLE app_revoked_owner;
ALTER ROLE app_revoked_owner WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_revoked_owner IS 'db-14e8b3a35711 group owner';
CREATE ROLE app_revoked_reader;
ALTER ROLE app_revoked_reader WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_revoked_reader IS 'db-14e8b3a35711 group reader';
CREATE ROLE app_revoked_service;
ALTER ROLE app_revoked_service WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION BYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_revoked_service IS 'db-14e8b3a35711 group service';
CREATE ROLE app_revoked_writer;
ALTER ROLE app_revoked_writer WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_revoked_writer IS 'db-14e8b3a35711 group writer';
CREATE ROLE app_shop;
ALTER ROLE app_shop WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM-SHA-256$4096:mDufyeK2AK5O+s/a+Eo+ew==$cvOlz6Jvw3feNR73AnjIe6WWuNknbsC0Of3N++HRXLo=:gb7IKIFwbtADbYAEAHZ/IgyeNvIsZo28ueLnO9t0DxY=';
SECURITY LABEL FOR appinfra ON ROLE app_shop IS 'db-8e50320fba7b login writer';
CREATE ROLE app_shop_2;
ALTER ROLE app_shop_2 WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM-SHA-256$4096:mDufyeK2AK5O+s/a+Eo+ew==$cvOlz6Jvw3feNR73AnjIe6WWuNknbsC0Of3N++HRXLo=:gb7IKIFwbtADbYAEAHZ/IgyeNvIsZo28ueLnO9t0DxY=';
SECURITY LABEL FOR appinfra ON ROLE app_shop_2 IS 'db-8e50320fba7b login owner';
CREATE ROLE app_shop_3;
ALTER ROLE app_shop_3 WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM-SHA-256$4096:mDufyeK2AK5O+s/a+Eo+ew==$cvOlz6Jvw3feNR73AnjIe6WWuNknbsC0Of3N++HRXLo=:gb7IKIFwbtADbYAEAHZ/IgyeNvIsZo28ueLnO9t0DxY=';
SECURITY LABEL FOR appinfra ON ROLE app_shop_3 IS 'db-8e50320fba7b login reader';
CREATE ROLE app_shop_4;
ALTER ROLE app_shop_4 WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM-SHA-256$4096:mDufyeK2AK5O+s/a+Eo+ew==$cvOlz6Jvw3feNR73AnjIe6WWuNknbsC0Of3N++HRXLo=:gb7IKIFwbtADbYAEAHZ/IgyeNvIsZo28ueLnO9t0DxY=';
SECURITY LABEL FOR appinfra ON ROLE app_shop_4 IS 'db-8e50320fba7b login service';
CREATE ROLE app_shop_5;
ALTER ROLE app_shop_5 WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM-SHA-256$4096:mDufyeK2AK5O+s/a+Eo+ew==$cvOlz6Jvw3feNR73AnjIe6WWuNknbsC0Of3N++HRXLo=:gb7IKIFwbtADbYAEAHZ/IgyeNvIsZo28ueLnO9t0DxY=';
SECURITY LABEL FOR appinfra ON ROLE app_shop_5 IS 'db-8e50320fba7b login writer';
CREATE ROLE app_shop_owner;
ALTER ROLE app_shop_owner WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_shop_owner IS 'db-8e50320fba7b group owner';
CREATE ROLE app_shop_reader;
ALTER ROLE app_shop_reader WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_shop_reader IS 'db-8e50320fba7b group reader';
CREATE ROLE app_shop_service;
ALTER ROLE app_shop_service WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION BYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_shop_service IS 'db-8e50320fba7b group service';
CREATE ROLE app_shop_writer;
ALTER ROLE app_shop_writer WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE app_shop_writer IS 'db-8e50320fba7b group writer';
CREATE ROLE appinfra_986d93232718_owner;
ALTER ROLE appinfra_986d93232718_owner WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE appinfra_986d93232718_owner IS 'db-986d93232718 group owner';
CREATE ROLE appinfra_986d93232718_reader;
ALTER ROLE appinfra_986d93232718_reader WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE appinfra_986d93232718_reader IS 'db-986d93232718 group reader';
CREATE ROLE appinfra_986d93232718_service;
ALTER ROLE appinfra_986d93232718_service WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION BYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE appinfra_986d93232718_service IS 'db-986d93232718 group service';
CREATE ROLE appinfra_986d93232718_writer;
ALTER ROLE appinfra_986d93232718_writer WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
SECURITY LABEL FOR appinfra ON ROLE appinfra_986d93232718_writer IS 'db-986d93232718 group writer';
CREATE ROLE appinfra_admin;
ALTER ROLE appinfra_admin WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
CREATE ROLE appinfra_auditor;
ALTER ROLE appinfra_auditor WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
CREATE ROLE appinfra_publisher;
ALTER ROLE appinfra_publisher WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
CREATE ROLE appinfra_sidecar;
ALTER ROLE appinfra_sidecar WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS;
CREATE ROLE svc_svc_1_host_1;
ALTER ROLE svc_svc_1_host_1 WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM-SHA-256$4096:mDufyeK2AK5O+s/a+Eo+ew==$cvOlz6Jvw3feNR73AnjIe6WWuNknbsC0Of3N++HRXLo=:gb7IKIFwbtADbYAEAHZ/IgyeNvIsZo28ueLnO9t0DxY=';
SECURITY LABEL FOR appinfra ON ROLE svc_svc_1_host_1 IS 'db-8e50320fba7b login writer';
ALTER ROLE app_direct SET role TO 'app_direct_owner';
ALTER ROLE app_direct SET statement_timeout TO '0';
ALTER ROLE app_direct SET idle_in_transaction_session_timeout TO '300000';
ALTER ROLE app_direct SET temp_file_limit TO '1048576';
ALTER ROLE app_direct SET max_parallel_workers TO '2';
ALTER ROLE app_direct SET max_parallel_workers_per_gather TO '2';
ALTER ROLE app_direct_2 SET role TO 'app_direct_reader';
ALTER ROLE app_direct_2 SET statement_timeout TO '0';
ALTER ROLE app_direct_2 SET idle_in_transaction_session_timeout TO '300000';
ALTER ROLE app_direct_2 SET temp_file_limit TO '1048576';
ALTER ROLE app_direct_2 SET max_parallel_workers TO '2';
ALTER ROLE app_direct_2 SET max_parallel_workers_per_gather TO '2';
ALTER ROLE app_direct_2 SET default_transaction_read_only TO 'on';
ALTER ROLE app_failed SET role TO 'app_failed_owner';
ALTER ROLE app_failed SET statement_timeout TO '0';
ALTER ROLE app_failed SET idle_in_transaction_session_timeout TO '300000';
ALTER ROLE app_failed SET temp_file_limit TO '1048576';
ALTER ROLE app_failed SET max_parallel_workers TO '2';
ALTER ROLE app_failed SET max_parallel_workers_per_gather TO '2';
ALTER ROLE app_held SET role TO 'app_held_owner';
ALTER ROLE app_held SET statement_timeout TO '0';
ALTER ROLE app_held SET idle_in_transaction_session_timeout TO '300000';
ALTER ROLE app_held SET temp_file_limit TO '1048576';
ALTER ROLE app_held SET max_parallel_workers TO '2';
ALTER ROLE app_held SET max_parallel_workers_per_gather TO '2';
ALTER ROLE app_owed SET role TO 'app_owed_owner';
ALTER ROLE app_owed SET statement_timeout TO '0';
ALTER ROLE app_owed SET idle_in_transaction_session_timeout TO '300000';
ALTER ROLE app_owed SET temp_file_limit TO '1048576';
ALTER ROLE app_owed SET max_parallel_workers TO '2';
ALTER ROLE app_owed SET max_parallel_workers_per_gather TO '2';
ALTER ROLE app_shop SET role TO 'app_shop_writer';
ALTER ROLE app_shop SET statement_timeout TO '0';
ALTER ROLE app_shop SET idle_in_transaction_session_timeout TO '300000';
ALTER ROLE app_shop SET temp_file_limit TO '1048576';
ALTER ROLE app_shop SET max_parallel_workers TO '2';
ALTER ROLE app_shop SET max_parallel_workers_per_gather TO '2';
ALTER ROLE app_shop_2 SET role TO 'app_shop_owner';
ALTER ROLE app_shop_2 SET statement_timeout TO '0';
ALTER ROLE app_shop_2 SET idle_in_transaction_session_timeout TO '300000';
ALTER ROLE app_shop_2 SET temp_file_limit TO '1048576';
ALTER ROLE app_shop_2 SET max_parallel_workers TO '2';
ALTER ROLE app_shop_2 SET max_parallel_workers_per_gather TO '2';
ALTER ROLE app_shop_3 SET role TO 'app_shop_reader';
ALTER ROLE app_shop_3 SET statement_timeout TO '0';
ALTER ROLE app_shop_3 SET idle_in_transaction_session_timeout TO '300000';
ALTER ROLE app_shop_3 SET temp_file_limit TO '1048576';
ALTER ROLE app_shop_3 SET max_parallel_workers TO '2';
ALTER ROLE app_shop_3 SET max_parallel_workers_per_gather TO '2';
ALTER ROLE app_shop_3 SET default_transaction_read_only TO 'on';
ALTER ROLE app_shop_4 SET role TO 'app_shop_service';
ALTER ROLE app_shop_4 SET statement_timeout TO '0';
ALTER ROLE app_shop_4 SET idle_in_transaction_session_timeout TO '300000';
ALTER ROLE app_shop_4 SET temp_file_limit TO '1048576';
ALTER ROLE app_shop_4 SET max_parallel_workers TO '2';
ALTER ROLE app_shop_4 SET max_parallel_workers_per_gather TO '2';
ALTER ROLE app_shop_5 SET role TO 'app_shop_writer';
ALTER ROLE app_shop_5 SET statement_timeout TO '0';
ALTER ROLE app_shop_5 SET idle_in_transaction_session_timeout TO '300000';
ALTER ROLE app_shop_5 SET temp_file_limit TO '1048576';
ALTER ROLE app_shop_5 SET max_parallel_workers TO '2';
ALTER ROLE app_shop_5 SET max_parallel_workers_per_gather TO '2';
ALTER ROLE svc_svc_1_host_1 SET role TO 'app_shop_writer';
ALTER ROLE svc_svc_1_host_1 SET statement_timeout TO '0';
ALTER ROLE svc_svc_1_host_1 SET idle_in_transaction_session_timeout TO '300000';
ALTER ROLE svc_svc_1_host_1 SET temp_file_limit TO '1048576';
ALTER ROLE svc_svc_1_host_1 SET max_parallel_workers TO '2';
ALTER ROLE svc_svc_1_host_1 SET max_parallel_workers_per_gather TO '2';
GRANT app_direct_owner TO app_direct;
GRANT app_direct_reader TO app_direct_2;
GRANT app_failed_owner TO app_failed;
GRANT app_held_owner TO app_held;
GRANT app_owed_owner TO app_owed;
GRANT app_shop_owner TO app_shop_2;
GRANT app_shop_reader TO app_shop_3;
GRANT app_shop_service TO app_shop_4;
GRANT app_shop_writer TO app_shop;
GRANT app_shop_writer TO app_shop_5;
GRANT app_shop_writer TO svc_svc_1_host_1;
GRANT appinfra_publisher TO appinfra_sidecar;
\connect template1
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE DATABASE app_direct WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';
\connect app_direct
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SECURITY LABEL FOR appinfra ON DATABASE app_direct IS 'db-ed18366b00a5 tenant 2';
ALTER DATABASE app_direct CONNECTION LIMIT = 50;
\connect app_direct
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
ALTER SCHEMA public OWNER TO app_direct_owner;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.kept (
    n integer
);
ALTER TABLE public.kept OWNER TO app_direct_owner;
COPY public.kept (n) FROM stdin;
7
\.
REVOKE CONNECT,TEMPORARY ON DATABASE app_direct FROM PUBLIC;
GRANT ALL ON DATABASE app_direct TO app_direct_owner;
GRANT TEMPORARY ON DATABASE app_direct TO app_direct_writer;
GRANT TEMPORARY ON DATABASE app_direct TO app_direct_service;
GRANT CONNECT ON DATABASE app_direct TO app_direct;
GRANT CONNECT ON DATABASE app_direct TO app_direct_2;
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO app_direct_writer;
GRANT USAGE ON SCHEMA public TO app_direct_reader;
GRANT USAGE ON SCHEMA public TO app_direct_service;
GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLE public.kept TO app_direct_writer;
GRANT SELECT ON TABLE public.kept TO app_direct_reader;
GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLE public.kept TO app_direct_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_direct_owner GRANT ALL ON SEQUENCES  TO app_direct_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_direct_owner GRANT SELECT ON SEQUENCES  TO app_direct_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_direct_owner GRANT ALL ON SEQUENCES  TO app_direct_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_direct_owner GRANT USAGE ON SCHEMAS  TO app_direct_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_direct_owner GRANT USAGE ON SCHEMAS  TO app_direct_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_direct_owner GRANT USAGE ON SCHEMAS  TO app_direct_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_direct_owner GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLES  TO app_direct_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_direct_owner GRANT SELECT ON TABLES  TO app_direct_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_direct_owner GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLES  TO app_direct_service;
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE DATABASE app_failed WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';
\connect app_failed
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SECURITY LABEL FOR appinfra ON DATABASE app_failed IS 'db-62522d337862 tenant 2';
ALTER DATABASE app_failed CONNECTION LIMIT = 50;
\connect app_failed
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
ALTER SCHEMA public OWNER TO app_failed_owner;
REVOKE CONNECT,TEMPORARY ON DATABASE app_failed FROM PUBLIC;
GRANT ALL ON DATABASE app_failed TO app_failed_owner;
GRANT TEMPORARY ON DATABASE app_failed TO app_failed_writer;
GRANT TEMPORARY ON DATABASE app_failed TO app_failed_service;
GRANT CONNECT ON DATABASE app_failed TO app_failed;
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO app_failed_writer;
GRANT USAGE ON SCHEMA public TO app_failed_reader;
GRANT USAGE ON SCHEMA public TO app_failed_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_failed_owner GRANT ALL ON SEQUENCES  TO app_failed_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_failed_owner GRANT SELECT ON SEQUENCES  TO app_failed_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_failed_owner GRANT ALL ON SEQUENCES  TO app_failed_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_failed_owner GRANT USAGE ON SCHEMAS  TO app_failed_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_failed_owner GRANT USAGE ON SCHEMAS  TO app_failed_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_failed_owner GRANT USAGE ON SCHEMAS  TO app_failed_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_failed_owner GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLES  TO app_failed_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_failed_owner GRANT SELECT ON TABLES  TO app_failed_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_failed_owner GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLES  TO app_failed_service;
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE DATABASE app_held WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';
\connect app_held
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SECURITY LABEL FOR appinfra ON DATABASE app_held IS 'db-b2729ba0adea tenant 2';
ALTER DATABASE app_held CONNECTION LIMIT = 50;
\connect app_held
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
ALTER SCHEMA public OWNER TO app_held_owner;
REVOKE CONNECT,TEMPORARY ON DATABASE app_held FROM PUBLIC;
GRANT ALL ON DATABASE app_held TO app_held_owner;
GRANT TEMPORARY ON DATABASE app_held TO app_held_writer;
GRANT TEMPORARY ON DATABASE app_held TO app_held_service;
GRANT CONNECT ON DATABASE app_held TO app_held;
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO app_held_writer;
GRANT USAGE ON SCHEMA public TO app_held_reader;
GRANT USAGE ON SCHEMA public TO app_held_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_held_owner GRANT ALL ON SEQUENCES  TO app_held_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_held_owner GRANT SELECT ON SEQUENCES  TO app_held_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_held_owner GRANT ALL ON SEQUENCES  TO app_held_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_held_owner GRANT USAGE ON SCHEMAS  TO app_held_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_held_owner GRANT USAGE ON SCHEMAS  TO app_held_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_held_owner GRANT USAGE ON SCHEMAS  TO app_held_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_held_owner GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLES  TO app_held_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_held_owner GRANT SELECT ON TABLES  TO app_held_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_held_owner GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLES  TO app_held_service;
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE DATABASE app_owed WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';
\connect app_owed
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SECURITY LABEL FOR appinfra ON DATABASE app_owed IS 'db-8367c3a83d09 tenant 2';
ALTER DATABASE app_owed CONNECTION LIMIT = 50;
\connect app_owed
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
ALTER SCHEMA public OWNER TO app_owed_owner;
REVOKE CONNECT,TEMPORARY ON DATABASE app_owed FROM PUBLIC;
GRANT ALL ON DATABASE app_owed TO app_owed_owner;
GRANT TEMPORARY ON DATABASE app_owed TO app_owed_writer;
GRANT TEMPORARY ON DATABASE app_owed TO app_owed_service;
GRANT CONNECT ON DATABASE app_owed TO app_owed;
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO app_owed_writer;
GRANT USAGE ON SCHEMA public TO app_owed_reader;
GRANT USAGE ON SCHEMA public TO app_owed_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_owed_owner GRANT ALL ON SEQUENCES  TO app_owed_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_owed_owner GRANT SELECT ON SEQUENCES  TO app_owed_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_owed_owner GRANT ALL ON SEQUENCES  TO app_owed_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_owed_owner GRANT USAGE ON SCHEMAS  TO app_owed_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_owed_owner GRANT USAGE ON SCHEMAS  TO app_owed_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_owed_owner GRANT USAGE ON SCHEMAS  TO app_owed_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_owed_owner GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLES  TO app_owed_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_owed_owner GRANT SELECT ON TABLES  TO app_owed_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_owed_owner GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLES  TO app_owed_service;
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE DATABASE app_revoked WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';
\connect app_revoked
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SECURITY LABEL FOR appinfra ON DATABASE app_revoked IS 'db-14e8b3a35711 tenant 2';
ALTER DATABASE app_revoked CONNECTION LIMIT = 50;
\connect app_revoked
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
ALTER SCHEMA public OWNER TO app_revoked_owner;
REVOKE CONNECT,TEMPORARY ON DATABASE app_revoked FROM PUBLIC;
GRANT ALL ON DATABASE app_revoked TO app_revoked_owner;
GRANT TEMPORARY ON DATABASE app_revoked TO app_revoked_writer;
GRANT TEMPORARY ON DATABASE app_revoked TO app_revoked_service;
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO app_revoked_writer;
GRANT USAGE ON SCHEMA public TO app_revoked_reader;
GRANT USAGE ON SCHEMA public TO app_revoked_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_revoked_owner GRANT ALL ON SEQUENCES  TO app_revoked_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_revoked_owner GRANT SELECT ON SEQUENCES  TO app_revoked_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_revoked_owner GRANT ALL ON SEQUENCES  TO app_revoked_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_revoked_owner GRANT USAGE ON SCHEMAS  TO app_revoked_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_revoked_owner GRANT USAGE ON SCHEMAS  TO app_revoked_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_revoked_owner GRANT USAGE ON SCHEMAS  TO app_revoked_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_revoked_owner GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLES  TO app_revoked_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_revoked_owner GRANT SELECT ON TABLES  TO app_revoked_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_revoked_owner GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLES  TO app_revoked_service;
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE DATABASE app_shop WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';
\connect app_shop
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SECURITY LABEL FOR appinfra ON DATABASE app_shop IS 'db-8e50320fba7b tenant 2';
ALTER DATABASE app_shop CONNECTION LIMIT = 50;
\connect app_shop
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
ALTER SCHEMA public OWNER TO app_shop_owner;
REVOKE CONNECT,TEMPORARY ON DATABASE app_shop FROM PUBLIC;
GRANT ALL ON DATABASE app_shop TO app_shop_owner;
GRANT TEMPORARY ON DATABASE app_shop TO app_shop_writer;
GRANT TEMPORARY ON DATABASE app_shop TO app_shop_service;
GRANT CONNECT ON DATABASE app_shop TO app_shop;
GRANT CONNECT ON DATABASE app_shop TO app_shop_2;
GRANT CONNECT ON DATABASE app_shop TO app_shop_3;
GRANT CONNECT ON DATABASE app_shop TO app_shop_4;
GRANT CONNECT ON DATABASE app_shop TO app_shop_5;
GRANT CONNECT ON DATABASE app_shop TO svc_svc_1_host_1;
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO app_shop_writer;
GRANT USAGE ON SCHEMA public TO app_shop_reader;
GRANT USAGE ON SCHEMA public TO app_shop_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_shop_owner GRANT ALL ON SEQUENCES  TO app_shop_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_shop_owner GRANT SELECT ON SEQUENCES  TO app_shop_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_shop_owner GRANT ALL ON SEQUENCES  TO app_shop_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_shop_owner GRANT USAGE ON SCHEMAS  TO app_shop_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_shop_owner GRANT USAGE ON SCHEMAS  TO app_shop_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_shop_owner GRANT USAGE ON SCHEMAS  TO app_shop_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_shop_owner GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLES  TO app_shop_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE app_shop_owner GRANT SELECT ON TABLES  TO app_shop_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_shop_owner GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLES  TO app_shop_service;
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE DATABASE appinfra_986d93232718 WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';
\connect appinfra_986d93232718
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SECURITY LABEL FOR appinfra ON DATABASE appinfra_986d93232718 IS 'db-986d93232718 tenant 2';
ALTER DATABASE appinfra_986d93232718 CONNECTION LIMIT = 50;
\connect appinfra_986d93232718
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
ALTER SCHEMA public OWNER TO appinfra_986d93232718_owner;
REVOKE CONNECT,TEMPORARY ON DATABASE appinfra_986d93232718 FROM PUBLIC;
GRANT ALL ON DATABASE appinfra_986d93232718 TO appinfra_986d93232718_owner;
GRANT TEMPORARY ON DATABASE appinfra_986d93232718 TO appinfra_986d93232718_writer;
GRANT TEMPORARY ON DATABASE appinfra_986d93232718 TO appinfra_986d93232718_service;
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO appinfra_986d93232718_writer;
GRANT USAGE ON SCHEMA public TO appinfra_986d93232718_reader;
GRANT USAGE ON SCHEMA public TO appinfra_986d93232718_service;
ALTER DEFAULT PRIVILEGES FOR ROLE appinfra_986d93232718_owner GRANT ALL ON SEQUENCES  TO appinfra_986d93232718_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE appinfra_986d93232718_owner GRANT SELECT ON SEQUENCES  TO appinfra_986d93232718_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE appinfra_986d93232718_owner GRANT ALL ON SEQUENCES  TO appinfra_986d93232718_service;
ALTER DEFAULT PRIVILEGES FOR ROLE appinfra_986d93232718_owner GRANT USAGE ON SCHEMAS  TO appinfra_986d93232718_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE appinfra_986d93232718_owner GRANT USAGE ON SCHEMAS  TO appinfra_986d93232718_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE appinfra_986d93232718_owner GRANT USAGE ON SCHEMAS  TO appinfra_986d93232718_service;
ALTER DEFAULT PRIVILEGES FOR ROLE appinfra_986d93232718_owner GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLES  TO appinfra_986d93232718_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE appinfra_986d93232718_owner GRANT SELECT ON TABLES  TO appinfra_986d93232718_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE appinfra_986d93232718_owner GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLES  TO appinfra_986d93232718_service;
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE DATABASE control WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';
\connect control
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE EXTENSION appinfra WITH SCHEMA public VERSION '0.1.0';
COMMENT ON EXTENSION appinfra IS 'managed databases: claim a ready, hardened tenant database in one transaction';
COPY appinfra.audit_log (id, "time", actor, effective_role, application_name, client_address, database, action, db_id, credential, outcome, detail, transaction_id) FROM stdin;
1795857410785698	2026-11-28 09:16:52.775136+00	postgres	postgres	appinfra builder	\N	control	build_template	\N	\N	done	{"database": "appinfra_template"}	733
1795857410785699	2026-11-28 09:16:52.922916+00	postgres	postgres	appinfra builder	\N	control	build_shell	db-8e50320fba7b	\N	done	{"database": "appinfra_8e50320fba7b"}	737
1795857410785700	2026-11-28 09:16:52.952238+00	postgres	postgres	dump.pl	[local]	control	provision_tenant	db-8e50320fba7b	app_shop	done	{"slug": "shop", "app_id": "app-shop", "publish": "true", "database": "app_shop"}	740
1795857410785701	2026-11-28 09:16:53.081427+00	postgres	postgres	appinfra builder	\N	control	build_shell	db-ed18366b00a5	\N	done	{"database": "appinfra_ed18366b00a5"}	743
1795857410785702	2026-11-28 09:16:53.108393+00	postgres	postgres	dump.pl	[local]	control	provision_tenant	db-ed18366b00a5	app_direct	done	{"slug": "direct", "app_id": "app-direct", "publish": "false", "database": "app_direct"}	746
1795857410785703	2026-11-28 09:16:53.208307+00	app_direct	app_direct	dump.pl	127.0.0.1	app_direct	login	db-ed18366b00a5	app_direct	done	\N	748
1795857410785704	2026-11-28 09:16:53.225509+00	postgres	postgres	appinfra builder	\N	control	build_shell	db-14e8b3a35711	\N	done	{"database": "appinfra_14e8b3a35711"}	750
1795857410785705	2026-11-28 09:16:53.314273+00	app_direct	app_direct	dump.pl	127.0.0.1	app_direct	login	db-ed18366b00a5	app_direct	done	\N	754
1795857410785706	2026-11-28 09:16:53.333041+00	app_direct	app_direct_owner	dump.pl	127.0.0.1	app_direct	guard	db-ed18366b00a5	app_direct	refused	{"rule": "copy_file", "object": "COPY"}	755
1795857410785707	2026-11-28 09:16:53.408393+00	postgres	postgres	appinfra builder	\N	control	build_shell	db-986d93232718	\N	done	{"database": "appinfra_986d93232718"}	758
1795857410785708	2026-11-28 09:16:53.423786+00	postgres	postgres	dump.pl	[local]	control	claim_publication	db-8e50320fba7b	app_shop	done	{"worker": "past", "publication_id": "1"}	757
1795857410785709	2026-11-28 09:16:53.433844+00	postgres	postgres	dump.pl	[local]	control	claim_publication	db-8e50320fba7b	app_shop_2	done	{"worker": "past", "publication_id": "2"}	757
1795857410785710	2026-11-28 09:16:53.435394+00	postgres	postgres	dump.pl	[local]	control	claim_publication	db-8e50320fba7b	app_shop_3	done	{"worker": "past", "publication_id": "3"}	757
1795857410785711	2026-11-28 09:16:53.436708+00	postgres	postgres	dump.pl	[local]	control	claim_publication	db-8e50320fba7b	app_shop_4	done	{"worker": "past", "publication_id": "4"}	757
1795857410785712	2026-11-28 09:16:53.500332+00	postgres	postgres	dump.pl	[local]	control	complete_publication	db-8e50320fba7b	\N	done	{"publication_id": "1"}	765
1795857410785713	2026-11-28 09:16:53.551324+00	postgres	postgres	dump.pl	[local]	control	complete_publication	db-8e50320fba7b	\N	done	{"publication_id": "2"}	767
1795857410785714	2026-11-28 09:16:53.557376+00	postgres	postgres	appinfra builder	\N	control	build_shell	db-c1b59d7dc4e9	\N	done	{"database": "appinfra_c1b59d7dc4e9"}	768
1795857410785715	2026-11-28 09:16:53.607073+00	postgres	postgres	dump.pl	[local]	control	complete_publication	db-8e50320fba7b	\N	done	{"publication_id": "3"}	769
1795857410785716	2026-11-28 09:16:53.671964+00	postgres	postgres	dump.pl	[local]	control	complete_publication	db-8e50320fba7b	\N	done	{"publication_id": "4"}	770
1795857410785717	2026-11-28 09:16:53.757616+00	postgres	postgres	dump.pl	[local]	control	rotate_credential	db-8e50320fba7b	app_shop_5	done	{"publish": "true", "variable": "DATABASE_URL"}	771
1795857410785718	2026-11-28 09:16:53.851106+00	postgres	postgres	dump.pl	[local]	control	claim_publication	db-8e50320fba7b	app_shop_5	done	{"worker": "past", "publication_id": "5"}	773
1795857410785719	2026-11-28 09:16:53.91253+00	postgres	postgres	dump.pl	[local]	control	complete_publication	db-8e50320fba7b	\N	done	{"publication_id": "5"}	775
1795857410785720	2026-11-28 09:16:53.962858+00	postgres	postgres	dump.pl	[local]	control	set_rotation	db-8e50320fba7b	\N	done	{"rotate_after": "50 years"}	776
1795857410785721	2026-11-28 09:16:54.006298+00	postgres	postgres	dump.pl	[local]	control	create_service_user	db-8e50320fba7b	svc_svc_1_host_1	done	{"host_id": "host-1", "service_id": "svc-1"}	777
1795857410785722	2026-11-28 09:16:54.060891+00	postgres	postgres	dump.pl	[local]	control	create_service_user	db-8e50320fba7b	svc_svc_1_host_2	done	{"host_id": "host-2", "service_id": "svc-1"}	779
1795857410785723	2026-11-28 09:16:54.190761+00	postgres	postgres	dump.pl	[local]	control	claim_publication	db-8e50320fba7b	svc_svc_1_host_1	done	{"worker": "past", "publication_id": "6"}	781
1795857410785724	2026-11-28 09:16:54.192813+00	postgres	postgres	dump.pl	[local]	control	claim_publication	db-8e50320fba7b	svc_svc_1_host_2	done	{"worker": "past", "publication_id": "7"}	781
1795857410785725	2026-11-28 09:16:54.2801+00	postgres	postgres	dump.pl	[local]	control	complete_publication	db-8e50320fba7b	\N	done	{"publication_id": "6"}	784
1795857410785726	2026-11-28 09:16:54.374543+00	postgres	postgres	dump.pl	[local]	control	complete_publication	db-8e50320fba7b	\N	done	{"publication_id": "7"}	785
1795857410785727	2026-11-28 09:16:54.429814+00	postgres	postgres	dump.pl	[local]	control	drop_service_user	db-8e50320fba7b	\N	done	{"host_id": "host-2", "service_id": "svc-1"}	786
1795857410785728	2026-11-28 09:16:54.433674+00	postgres	postgres	appinfra scheduler	\N	control	end_sessions	db-8e50320fba7b	svc_svc_1_host_2	done	{"sessions": "0"}	787
1795857410785729	2026-11-28 09:16:54.450641+00	postgres	postgres	appinfra janitor	\N	control	drop_login	db-8e50320fba7b	svc_svc_1_host_2	done	\N	790
1795857410785730	2026-11-28 09:16:54.515684+00	postgres	postgres	dump.pl	[local]	control	claim_publication	db-8e50320fba7b	\N	done	{"worker": "past", "publication_id": "8"}	791
1795857410785731	2026-11-28 09:16:54.567462+00	postgres	postgres	dump.pl	[local]	control	complete_publication	db-8e50320fba7b	\N	done	{"publication_id": "8"}	793
1795857410785732	2026-11-28 09:16:54.632332+00	postgres	postgres	dump.pl	[local]	control	issue_credential	db-ed18366b00a5	app_direct_2	done	{"access": "reader"}	794
1795857410785733	2026-11-28 09:16:54.729542+00	postgres	postgres	dump.pl	[local]	control	issue_credential	db-ed18366b00a5	app_direct_3	done	{"access": "owner"}	795
1795857410785734	2026-11-28 09:16:54.832517+00	postgres	postgres	dump.pl	[local]	control	revoke_credential	db-ed18366b00a5	app_direct_3	done	{"reason": "leaked"}	796
1795857410785735	2026-11-28 09:16:54.833285+00	postgres	postgres	appinfra scheduler	\N	control	end_sessions	db-ed18366b00a5	app_direct_3	done	{"sessions": "0"}	797
1795857410785750	2026-11-28 09:16:55.50154+00	postgres	postgres	appinfra scheduler	\N	control	end_sessions	db-14e8b3a35711	app_revoked	done	{"sessions": "0"}	826
1795857410785753	2026-11-28 09:16:55.588388+00	postgres	postgres	appinfra scheduler	\N	control	end_sessions	db-986d93232718	app_retained	done	{"sessions": "0"}	830
1795857410785757	2026-11-28 09:16:55.652749+00	postgres	postgres	appinfra scheduler	\N	control	end_sessions	db-c1b59d7dc4e9	app_dropped	done	{"sessions": "0"}	836
1795857410785736	2026-11-28 09:16:54.841833+00	postgres	postgres	appinfra janitor	\N	control	drop_login	db-ed18366b00a5	app_direct_3	done	\N	799
1795857410785737	2026-11-28 09:16:54.898142+00	postgres	postgres	dump.pl	[local]	control	provision_tenant	db-14e8b3a35711	app_revoked	done	{"slug": "revoked", "app_id": "app-revoked", "publish": "true", "database": "app_revoked"}	800
1795857410785738	2026-11-28 09:16:54.988639+00	postgres	postgres	dump.pl	[local]	control	provision_tenant	db-986d93232718	app_retained	done	{"slug": "retained", "app_id": "app-retained", "publish": "true", "database": "app_retained"}	804
1795857410785751	2026-11-28 09:16:55.5046+00	postgres	postgres	appinfra janitor	\N	control	drop_login	db-14e8b3a35711	app_revoked	done	\N	828
1795857410785754	2026-11-28 09:16:55.589422+00	postgres	postgres	appinfra janitor	\N	control	drop_login	db-986d93232718	app_retained	done	\N	833
1795857410785755	2026-11-28 09:16:55.590321+00	postgres	postgres	appinfra janitor	\N	control	retain_tenant	db-986d93232718	\N	done	{"database": "appinfra_986d93232718"}	834
1795857410785758	2026-11-28 09:16:55.663609+00	postgres	postgres	appinfra janitor	\N	control	drop_login	db-c1b59d7dc4e9	app_dropped	done	\N	839
1795857410785759	2026-11-28 09:16:55.664128+00	postgres	postgres	appinfra janitor	\N	control	retain_tenant	db-c1b59d7dc4e9	\N	done	{"database": "appinfra_c1b59d7dc4e9"}	840
1795857410785739	2026-11-28 09:16:55.063674+00	postgres	postgres	appinfra builder	\N	control	build_shell	db-62522d337862	\N	done	{"database": "appinfra_62522d337862"}	808
1795857410785740	2026-11-28 09:16:55.08077+00	postgres	postgres	dump.pl	[local]	control	provision_tenant	db-c1b59d7dc4e9	app_dropped	done	{"slug": "dropped", "app_id": "app-dropped", "publish": "true", "database": "app_dropped"}	807
1795857410785741	2026-11-28 09:16:55.164731+00	postgres	postgres	dump.pl	[local]	control	claim_publication	db-14e8b3a35711	app_revoked	done	{"worker": "past", "publication_id": "9"}	812
1795857410785742	2026-11-28 09:16:55.193304+00	postgres	postgres	dump.pl	[local]	control	claim_publication	db-986d93232718	app_retained	done	{"worker": "past", "publication_id": "10"}	812
1795857410785743	2026-11-28 09:16:55.194832+00	postgres	postgres	dump.pl	[local]	control	claim_publication	db-c1b59d7dc4e9	app_dropped	done	{"worker": "past", "publication_id": "11"}	812
1795857410785744	2026-11-28 09:16:55.234953+00	postgres	postgres	appinfra builder	\N	control	build_shell	db-b2729ba0adea	\N	done	{"database": "appinfra_b2729ba0adea"}	817
1795857410785745	2026-11-28 09:16:55.283041+00	postgres	postgres	dump.pl	[local]	control	complete_publication	db-14e8b3a35711	\N	done	{"publication_id": "9"}	820
1795857410785746	2026-11-28 09:16:55.354897+00	postgres	postgres	dump.pl	[local]	control	complete_publication	db-986d93232718	\N	done	{"publication_id": "10"}	821
1795857410785747	2026-11-28 09:16:55.389706+00	postgres	postgres	appinfra builder	\N	control	build_shell	db-8367c3a83d09	\N	done	{"database": "appinfra_8367c3a83d09"}	823
1795857410785748	2026-11-28 09:16:55.438362+00	postgres	postgres	dump.pl	[local]	control	complete_publication	db-c1b59d7dc4e9	\N	done	{"publication_id": "11"}	824
1795857410785749	2026-11-28 09:16:55.499631+00	postgres	postgres	dump.pl	[local]	control	revoke_tenant	db-14e8b3a35711	\N	done	{"reason": "a reason", "credentials": "1"}	825
1795857410785752	2026-11-28 09:16:55.587607+00	postgres	postgres	dump.pl	[local]	control	deprovision_tenant	db-986d93232718	\N	done	\N	829
1795857410785756	2026-11-28 09:16:55.649592+00	postgres	postgres	dump.pl	[local]	control	deprovision_tenant	db-c1b59d7dc4e9	\N	done	\N	835
1795857410785760	2026-11-28 09:16:55.703417+00	postgres	postgres	dump.pl	[local]	control	claim_publication	db-986d93232718	\N	done	{"worker": "past", "publication_id": "12"}	843
1795857410785761	2026-11-28 09:16:55.703935+00	postgres	postgres	dump.pl	[local]	control	claim_publication	db-c1b59d7dc4e9	\N	done	{"worker": "past", "publication_id": "13"}	843
1795857410785762	2026-11-28 09:16:55.747882+00	postgres	postgres	dump.pl	[local]	control	complete_publication	db-986d93232718	\N	done	{"publication_id": "12"}	846
1795857410785763	2026-11-28 09:16:55.800171+00	postgres	postgres	dump.pl	[local]	control	complete_publication	db-c1b59d7dc4e9	\N	done	{"publication_id": "13"}	847
1795857410785764	2026-11-28 09:16:55.882636+00	postgres	postgres	dump.pl	[local]	control	provision_tenant	db-62522d337862	app_failed	done	{"slug": "failed", "app_id": "app-failed", "publish": "true", "database": "app_failed"}	848
1795857410785765	2026-11-28 09:16:55.981887+00	postgres	postgres	dump.pl	[local]	control	claim_publication	db-62522d337862	app_failed	done	{"worker": "past", "publication_id": "14"}	855
1795857410785766	2026-11-28 09:16:55.99086+00	postgres	postgres	appinfra janitor	\N	control	drop_tenant	db-c1b59d7dc4e9	\N	done	\N	858
1795857410785767	2026-11-28 09:16:56.037579+00	postgres	postgres	appinfra builder	\N	control	build_shell	db-13ef954dbdc9	\N	done	{"database": "appinfra_13ef954dbdc9"}	860
1795857410785768	2026-11-28 09:16:56.052429+00	postgres	postgres	dump.pl	[local]	control	fail_publication	db-62522d337862	\N	done	{"delivered": "no", "publication_id": "14"}	861
1795857410785769	2026-11-28 09:16:56.12118+00	postgres	postgres	dump.pl	[local]	control	provision_tenant	db-b2729ba0adea	app_held	done	{"slug": "held", "app_id": "app-held", "publish": "true", "database": "app_held"}	862
1795857410785770	2026-11-28 09:16:56.191916+00	postgres	postgres	dump.pl	[local]	control	claim_publication	db-b2729ba0adea	app_held	done	{"worker": "past", "publication_id": "15"}	866
1795857410785771	2026-11-28 09:16:56.261418+00	postgres	postgres	appinfra builder	\N	control	build_shell	db-e405972a44da	\N	done	{"database": "appinfra_e405972a44da"}	869
1795857410785772	2026-11-28 09:16:56.284196+00	postgres	postgres	dump.pl	[local]	control	provision_tenant	db-8367c3a83d09	app_owed	done	{"slug": "owed", "app_id": "app-owed", "publish": "true", "database": "app_owed"}	870
1795857410785773	2026-11-28 09:16:56.433481+00	postgres	postgres	appinfra builder	\N	control	build_shell	db-47effe65aff2	\N	done	{"database": "appinfra_47effe65aff2"}	875
1795857410785774	2026-11-28 09:16:56.434271+00	postgres	postgres	appinfra builder	\N	control	give_up_shell	db-47effe65aff2	\N	done	\N	876
1795857410785775	2026-11-28 09:16:56.513717+00	postgres	postgres	appinfra builder	\N	control	drop_leftover	\N	\N	done	{"database": "appinfra_47effe65aff2"}	878
1795857410785776	2026-11-28 09:16:56.51467+00	postgres	postgres	appinfra builder	\N	control	drop_leftover	\N	\N	done	{"role": "appinfra_47effe65aff2_owner"}	879
1795857410785777	2026-11-28 09:16:56.514742+00	postgres	postgres	appinfra builder	\N	control	drop_leftover	\N	\N	done	{"role": "appinfra_47effe65aff2_writer"}	880
1795857410785778	2026-11-28 09:16:56.514784+00	postgres	postgres	appinfra builder	\N	control	drop_leftover	\N	\N	done	{"role": "appinfra_47effe65aff2_reader"}	881
1795857410785779	2026-11-28 09:16:56.514817+00	postgres	postgres	appinfra builder	\N	control	drop_leftover	\N	\N	done	{"role": "appinfra_47effe65aff2_service"}	882
1795857410785780	2026-11-28 09:16:56.515185+00	postgres	postgres	appinfra builder	\N	control	give_up_shell	db-e405972a44da	\N	done	\N	883
1795857410785781	2026-11-28 09:16:56.557377+00	postgres	postgres	appinfra builder	\N	control	drop_leftover	\N	\N	done	{"database": "appinfra_e405972a44da"}	885
1795857410785782	2026-11-28 09:16:56.5583+00	postgres	postgres	appinfra builder	\N	control	drop_leftover	\N	\N	done	{"role": "appinfra_e405972a44da_owner"}	886
1795857410785783	2026-11-28 09:16:56.558386+00	postgres	postgres	appinfra builder	\N	control	drop_leftover	\N	\N	done	{"role": "appinfra_e405972a44da_writer"}	887
1795857410785784	2026-11-28 09:16:56.558433+00	postgres	postgres	appinfra builder	\N	control	drop_leftover	\N	\N	done	{"role": "appinfra_e405972a44da_reader"}	888
1795857410785785	2026-11-28 09:16:56.558466+00	postgres	postgres	appinfra builder	\N	control	drop_leftover	\N	\N	done	{"role": "appinfra_e405972a44da_service"}	889
1795857410785786	2026-11-28 09:16:56.558815+00	postgres	postgres	appinfra builder	\N	control	give_up_shell	db-13ef954dbdc9	\N	done	\N	890
1795857410785787	2026-11-28 09:16:56.605249+00	postgres	postgres	appinfra builder	\N	control	drop_leftover	\N	\N	done	{"database": "appinfra_13ef954dbdc9"}	892
1795857410785788	2026-11-28 09:16:56.605851+00	postgres	postgres	appinfra builder	\N	control	drop_leftover	\N	\N	done	{"role": "appinfra_13ef954dbdc9_owner"}	893
1795857410785789	2026-11-28 09:16:56.605941+00	postgres	postgres	appinfra builder	\N	control	drop_leftover	\N	\N	done	{"role": "appinfra_13ef954dbdc9_writer"}	894
1795857410785790	2026-11-28 09:16:56.605973+00	postgres	postgres	appinfra builder	\N	control	drop_leftover	\N	\N	done	{"role": "appinfra_13ef954dbdc9_reader"}	895
1795857410785791	2026-11-28 09:16:56.605995+00	postgres	postgres	appinfra builder	\N	control	drop_leftover	\N	\N	done	{"role": "appinfra_13ef954dbdc9_service"}	896
\.
COPY appinfra.audit_seal (number, previous, after_id, last_id, rows, sealed_at, hash) FROM stdin;
1795857417521068	{}	1795857410785697	1795857410785791	94	2026-11-28 09:16:57.521068+00	\\x7c1611dee43cb2e499ec2c81971464e1a012f29b18270fd9f33607b8f74ba95f
\.
COPY appinfra.tenant (db_id, app_id, owner_user_id, slug, engine, database, database_oid, status, notes, hardening, logins, idempotency_key, request, created_at, wanted_name, retain, retained_until, rotate_after, attempts, try_at, last_error) FROM stdin;
db-14e8b3a35711	app-revoked	user@example.com	revoked	postgres	app_revoked	16676	revoked	\N	2	1	\N	{"env": {"DATABASE_URL": "owner"}, "slug": "revoked", "app_id": "app-revoked", "engine": "postgres", "publish": true, "owner_user_id": "user@example.com"}	2026-11-28 09:16:54.875665+00	app_revoked	\N	\N	\N	0	2026-11-28 09:16:54.875665+00	\N
db-986d93232718	app-retained	user@example.com	retained	postgres	appinfra_986d93232718	16688	retained	\N	2	0	\N	{"env": {"DATABASE_URL": "owner"}, "slug": "retained", "app_id": "app-retained", "engine": "postgres", "publish": true, "owner_user_id": "user@example.com"}	2026-11-28 09:16:54.966397+00	app_retained	50 years	2076-11-28 09:16:55.587287+00	\N	0	2026-11-28 09:16:55.590187+00	\N
db-8e50320fba7b	app-shop	user@example.com	shop	postgres	app_shop	16656	ready	\N	2	5	shop-1	{"env": {"OWNER_URL": "owner", "READER_URL": "reader", "SERVICE_URL": "service", "DATABASE_URL": "writer"}, "slug": "shop", "app_id": "app-shop", "engine": "postgres", "publish": true, "owner_user_id": "user@example.com"}	2026-11-28 09:16:50.889081+00	app_shop	\N	\N	50 years	0	2026-11-28 09:16:50.889081+00	\N
db-ed18366b00a5	app-direct	user@example.com	direct	postgres	app_direct	16664	ready	\N	2	3	\N	{"env": {"DATABASE_URL": "owner"}, "slug": "direct", "app_id": "app-direct", "engine": "postgres", "publish": false, "owner_user_id": "user@example.com"}	2026-11-28 09:16:53.009089+00	app_direct	\N	\N	\N	0	2026-11-28 09:16:53.009089+00	\N
db-8367c3a83d09	app-owed	user@example.com	owed	postgres	app_owed	16728	ready	\N	2	1	\N	{"env": {"DATABASE_URL": "owner"}, "slug": "owed", "app_id": "app-owed", "engine": "postgres", "publish": true, "owner_user_id": "user@example.com"}	2026-11-28 09:16:56.263744+00	app_owed	\N	\N	\N	0	2026-11-28 09:16:56.263744+00	\N
db-62522d337862	app-failed	user@example.com	failed	postgres	app_failed	16710	ready	\N	2	1	\N	{"env": {"DATABASE_URL": "owner"}, "slug": "failed", "app_id": "app-failed", "engine": "postgres", "publish": true, "owner_user_id": "user@example.com"}	2026-11-28 09:16:55.860101+00	app_failed	\N	\N	\N	0	2026-11-28 09:16:55.860101+00	\N
db-c1b59d7dc4e9	app-dropped	user@example.com	dropped	postgres	appinfra_c1b59d7dc4e9	16696	dropped	\N	2	0	\N	{"env": {"DATABASE_URL": "owner"}, "slug": "dropped", "app_id": "app-dropped", "engine": "postgres", "publish": true, "owner_user_id": "user@example.com"}	2026-11-28 09:16:55.057004+00	app_dropped	00:00:00	2026-11-28 09:16:55.640886+00	\N	0	2026-11-28 09:16:55.664074+00	\N
db-b2729ba0adea	app-held	user@example.com	held	postgres	app_held	16719	ready	\N	2	1	\N	{"env": {"DATABASE_URL": "owner"}, "slug": "held", "app_id": "app-held", "engine": "postgres", "publish": true, "owner_user_id": "user@example.com"}	2026-11-28 09:16:56.09312+00	app_held	\N	\N	\N	0	2026-11-28 09:16:56.09312+00	\N
\.
COPY appinfra.binding (binding_id, db_id, app_id, target, variables, access, producer, service_id, host_id, version, ended, restorable, created_at) FROM stdin;
2	db-8e50320fba7b	app-shop	app-shop	{OWNER_URL}	owner	postgres	\N	\N	1	f	f	2026-11-28 09:16:50.889081+00
3	db-8e50320fba7b	app-shop	app-shop	{READER_URL}	reader	postgres	\N	\N	1	f	f	2026-11-28 09:16:50.889081+00
4	db-8e50320fba7b	app-shop	app-shop	{SERVICE_URL}	service	postgres	\N	\N	1	f	f	2026-11-28 09:16:50.889081+00
5	db-ed18366b00a5	app-direct	app-direct	{DATABASE_URL}	owner	postgres	\N	\N	0	f	f	2026-11-28 09:16:53.009089+00
1	db-8e50320fba7b	app-shop	app-shop	{DATABASE_URL}	writer	postgres	\N	\N	2	f	f	2026-11-28 09:16:50.889081+00
6	db-8e50320fba7b	app-shop	app-shop/svc/svc-1/host-1	{PGUSER,PGPASSWORD,PGHOST,PGPORT,PGDATABASE,PGSSLMODE}	writer	postgres	svc-1	host-1	1	f	f	2026-11-28 09:16:53.99305+00
7	db-8e50320fba7b	app-shop	app-shop/svc/svc-1/host-2	{PGUSER,PGPASSWORD,PGHOST,PGPORT,PGDATABASE,PGSSLMODE}	writer	postgres	svc-1	host-2	2	t	f	2026-11-28 09:16:54.050878+00
8	db-14e8b3a35711	app-revoked	app-revoked	{DATABASE_URL}	owner	postgres	\N	\N	1	f	f	2026-11-28 09:16:54.875665+00
9	db-986d93232718	app-retained	app-retained	{DATABASE_URL}	owner	postgres	\N	\N	2	t	t	2026-11-28 09:16:54.966397+00
10	db-c1b59d7dc4e9	app-dropped	app-dropped	{DATABASE_URL}	owner	postgres	\N	\N	2	t	t	2026-11-28 09:16:55.057004+00
11	db-62522d337862	app-failed	app-failed	{DATABASE_URL}	owner	postgres	\N	\N	1	f	f	2026-11-28 09:16:55.860101+00
12	db-b2729ba0adea	app-held	app-held	{DATABASE_URL}	owner	postgres	\N	\N	1	f	f	2026-11-28 09:16:56.09312+00
13	db-8367c3a83d09	app-owed	app-owed	{DATABASE_URL}	owner	postgres	\N	\N	1	f	f	2026-11-28 09:16:56.263744+00
\.
COPY appinfra.credential (credential_id, username, db_id, binding_id, access, state, role_name, created_at, minted_at, published_at, first_login_at, valid_until, grace, retire_by, revoked_at, reason, sessions_ended_at, sessions_ended, gone_at, attempts, try_at, last_error) FROM stdin;
5	app_direct	db-ed18366b00a5	5	owner	active	app_direct	2026-11-28 09:16:53.009089+00	2026-11-28 09:16:53.092887+00	\N	2026-11-28 09:16:53.209822+00	\N	\N	\N	\N	\N	\N	\N	\N	0	2026-11-28 09:16:53.009089+00	\N
2	app_shop_2	db-8e50320fba7b	2	owner	active	app_shop_2	2026-11-28 09:16:50.889081+00	2026-11-28 09:16:53.433637+00	2026-11-28 09:16:53.550819+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	2026-11-28 09:16:50.889081+00	\N
3	app_shop_3	db-8e50320fba7b	3	reader	active	app_shop_3	2026-11-28 09:16:50.889081+00	2026-11-28 09:16:53.435275+00	2026-11-28 09:16:53.606566+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	2026-11-28 09:16:50.889081+00	\N
4	app_shop_4	db-8e50320fba7b	4	service	active	app_shop_4	2026-11-28 09:16:50.889081+00	2026-11-28 09:16:53.436587+00	2026-11-28 09:16:53.671446+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	2026-11-28 09:16:50.889081+00	\N
6	app_shop_5	db-8e50320fba7b	1	writer	active	app_shop_5	2026-11-28 09:16:53.736991+00	2026-11-28 09:16:53.850387+00	2026-11-28 09:16:53.911799+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	2026-11-28 09:16:53.736991+00	\N
1	app_shop	db-8e50320fba7b	1	writer	retiring	app_shop	2026-11-28 09:16:50.889081+00	2026-11-28 09:16:53.423098+00	2026-11-28 09:16:53.499809+00	\N	\N	50 years	2076-11-28 09:16:53.912174+00	\N	\N	\N	\N	\N	0	2026-11-28 09:16:50.889081+00	\N
7	svc_svc_1_host_1	db-8e50320fba7b	6	writer	active	svc_svc_1_host_1	2026-11-28 09:16:53.99305+00	2026-11-28 09:16:54.190104+00	2026-11-28 09:16:54.279588+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	2026-11-28 09:16:53.99305+00	\N
8	svc_svc_1_host_2	db-8e50320fba7b	7	writer	gone	appinfra_gone_8	2026-11-28 09:16:54.050878+00	2026-11-28 09:16:54.192694+00	2026-11-28 09:16:54.373944+00	\N	\N	\N	\N	2026-11-28 09:16:54.411649+00	service user dropped	2026-11-28 09:16:54.433526+00	0	2026-11-28 09:16:54.450359+00	0	2026-11-28 09:16:54.050878+00	\N
9	app_direct_2	db-ed18366b00a5	\N	reader	active	app_direct_2	2026-11-28 09:16:54.628046+00	2026-11-28 09:16:54.631742+00	\N	\N	2076-11-28 09:16:54.632109+00	\N	\N	\N	\N	\N	\N	\N	0	2026-11-28 09:16:54.628046+00	\N
10	app_direct_3	db-ed18366b00a5	\N	owner	gone	app_direct_3	2026-11-28 09:16:54.717003+00	2026-11-28 09:16:54.720863+00	\N	\N	\N	\N	\N	2026-11-28 09:16:54.83216+00	leaked	2026-11-28 09:16:54.833194+00	0	2026-11-28 09:16:54.841749+00	0	2026-11-28 09:16:54.717003+00	\N
13	app_dropped	db-c1b59d7dc4e9	10	owner	gone	app_dropped	2026-11-28 09:16:55.057004+00	2026-11-28 09:16:55.194705+00	2026-11-28 09:16:55.437625+00	\N	\N	\N	\N	2026-11-28 09:16:55.638283+00	deprovisioned	2026-11-28 09:16:55.652675+00	0	2026-11-28 09:16:55.663518+00	0	2026-11-28 09:16:55.057004+00	\N
11	app_revoked	db-14e8b3a35711	8	owner	gone	app_revoked	2026-11-28 09:16:54.875665+00	2026-11-28 09:16:55.164218+00	2026-11-28 09:16:55.28248+00	\N	\N	\N	\N	2026-11-28 09:16:55.49863+00	a reason	2026-11-28 09:16:55.501448+00	0	2026-11-28 09:16:55.504521+00	0	2026-11-28 09:16:54.875665+00	\N
14	app_failed	db-62522d337862	11	owner	waiting	app_failed	2026-11-28 09:16:55.860101+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	2026-11-28 09:16:55.860101+00	\N
12	app_retained	db-986d93232718	9	owner	gone	app_retained	2026-11-28 09:16:54.966397+00	2026-11-28 09:16:55.193092+00	2026-11-28 09:16:55.354376+00	\N	\N	\N	\N	2026-11-28 09:16:55.560179+00	deprovisioned	2026-11-28 09:16:55.5883+00	0	2026-11-28 09:16:55.589341+00	0	2026-11-28 09:16:54.966397+00	\N
15	app_held	db-b2729ba0adea	12	owner	active	app_held	2026-11-28 09:16:56.09312+00	2026-11-28 09:16:56.191433+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	2026-11-28 09:16:56.09312+00	\N
16	app_owed	db-8367c3a83d09	13	owner	waiting	app_owed	2026-11-28 09:16:56.263744+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	2026-11-28 09:16:56.263744+00	\N
\.
COPY appinfra.host (singleton, host_id, created_at, timeline, guard, started_at) FROM stdin;
t	f7c8ff7a-f792-4332-9a21-5edc4ef00847	2026-11-28 09:16:50.74563+00	1	enforce	2026-11-28 09:16:50.433776+00
\.
COPY appinfra.publication (publication_id, binding_id, kind, status, version, credential_id, grace, deadline, attempt, claim, past_claims, answered_claims, worker, lease_until, not_before, error, delivered, response, created_at, claimed_at, ended_at) FROM stdin;
1	1	set	published	1	1	01:00:00	7 days	1	4ec31549-9fba-4534-b835-ebcc154590b9	{}	{}	past	\N	2026-11-28 09:16:50.889081+00	\N	\N	{}	2026-11-28 09:16:50.889081+00	2026-11-28 09:16:53.423383+00	2026-11-28 09:16:53.499197+00
2	2	set	published	1	2	01:00:00	7 days	1	3a49c225-6ff8-4072-927d-c8f4823f17ef	{}	{}	past	\N	2026-11-28 09:16:50.889081+00	\N	\N	{}	2026-11-28 09:16:50.889081+00	2026-11-28 09:16:53.433768+00	2026-11-28 09:16:53.550287+00
3	3	set	published	1	3	01:00:00	7 days	1	e542f4f3-b174-41cc-8eb9-35f6cd5dc514	{}	{}	past	\N	2026-11-28 09:16:50.889081+00	\N	\N	{}	2026-11-28 09:16:50.889081+00	2026-11-28 09:16:53.435344+00	2026-11-28 09:16:53.605946+00
4	4	set	published	1	4	01:00:00	7 days	1	12eb83d0-8258-4ba0-8103-7cda76abda71	{}	{}	past	\N	2026-11-28 09:16:50.889081+00	\N	\N	{}	2026-11-28 09:16:50.889081+00	2026-11-28 09:16:53.436662+00	2026-11-28 09:16:53.670886+00
5	1	set	published	2	6	50 years	50 years	1	3ee562ae-d55e-43bc-9452-552dba9292a8	{}	{}	past	\N	2026-11-28 09:16:53.736991+00	\N	\N	{}	2026-11-28 09:16:53.736991+00	2026-11-28 09:16:53.850708+00	2026-11-28 09:16:53.911178+00
6	6	set	published	1	7	01:00:00	7 days	1	eb790f0c-71df-45b3-b411-dbfe26104ee2	{}	{}	past	\N	2026-11-28 09:16:53.99305+00	\N	\N	{}	2026-11-28 09:16:53.99305+00	2026-11-28 09:16:54.190408+00	2026-11-28 09:16:54.278956+00
7	7	set	published	1	8	01:00:00	7 days	1	f50c6033-cf8c-4d2e-a2b3-8eca011c4d9d	{}	{}	past	\N	2026-11-28 09:16:54.050878+00	\N	\N	{}	2026-11-28 09:16:54.050878+00	2026-11-28 09:16:54.192765+00	2026-11-28 09:16:54.35689+00
8	7	unset	published	2	\N	01:00:00	7 days	1	9aeeb1f2-efcb-4153-a631-f7832d2622e6	{}	{}	past	\N	2026-11-28 09:16:54.408992+00	\N	\N	{}	2026-11-28 09:16:54.408992+00	2026-11-28 09:16:54.515342+00	2026-11-28 09:16:54.566646+00
9	8	set	published	1	11	01:00:00	7 days	1	910837b6-7254-4754-b6a9-315dafe3a273	{}	{}	past	\N	2026-11-28 09:16:54.875665+00	\N	\N	{}	2026-11-28 09:16:54.875665+00	2026-11-28 09:16:55.164442+00	2026-11-28 09:16:55.281861+00
10	9	set	published	1	12	01:00:00	7 days	1	8bdfa598-9c09-409c-932f-906ae27e4734	{}	{}	past	\N	2026-11-28 09:16:54.966397+00	\N	\N	{}	2026-11-28 09:16:54.966397+00	2026-11-28 09:16:55.193226+00	2026-11-28 09:16:55.353815+00
11	10	set	published	1	13	01:00:00	7 days	1	acf9e366-a50f-492a-9931-e6263f86ea6b	{}	{}	past	\N	2026-11-28 09:16:55.057004+00	\N	\N	{}	2026-11-28 09:16:55.057004+00	2026-11-28 09:16:55.194777+00	2026-11-28 09:16:55.420638+00
12	9	unset	published	2	\N	01:00:00	7 days	1	1f47dc04-56ee-4f38-b988-0ecc0f9b78fc	{}	{}	past	\N	2026-11-28 09:16:55.556956+00	\N	\N	{}	2026-11-28 09:16:55.556956+00	2026-11-28 09:16:55.703097+00	2026-11-28 09:16:55.74701+00
13	10	unset	published	2	\N	01:00:00	7 days	1	1211cd14-aa22-4e1f-909f-c82e07f0ce24	{}	{}	past	\N	2026-11-28 09:16:55.622662+00	\N	\N	{}	2026-11-28 09:16:55.622662+00	2026-11-28 09:16:55.70388+00	2026-11-28 09:16:55.799193+00
14	11	set	failed	1	14	01:00:00	7 days	1	00e681d3-5d1f-453e-a6b8-7831a20c985b	{}	{}	past	\N	2026-11-28 09:16:55.860101+00	HTTP 422	no	\N	2026-11-28 09:16:55.860101+00	2026-11-28 09:16:55.981449+00	2026-11-28 09:16:56.052104+00
15	12	set	claimed	1	15	01:00:00	7 days	1	6ec15b7f-9c05-47e0-b86e-302bd599cc53	{}	{}	past	2026-11-29 09:16:56.191644+00	2026-11-28 09:16:56.09312+00	\N	\N	\N	2026-11-28 09:16:56.09312+00	2026-11-28 09:16:56.191647+00	\N
16	13	set	pending	1	16	01:00:00	7 days	0	\N	{}	{}	\N	\N	2026-11-28 09:16:56.263744+00	\N	\N	\N	2026-11-28 09:16:56.263744+00	\N	\N
\.
COPY appinfra.variable (target, variable, version, binding_id) FROM stdin;
app-shop	OWNER_URL	1	2
app-shop	READER_URL	1	3
app-shop	SERVICE_URL	1	4
app-direct	DATABASE_URL	0	5
app-shop	DATABASE_URL	2	1
app-shop/svc/svc-1/host-1	PGUSER	1	6
app-shop/svc/svc-1/host-1	PGPASSWORD	1	6
app-shop/svc/svc-1/host-1	PGHOST	1	6
app-shop/svc/svc-1/host-1	PGPORT	1	6
app-shop/svc/svc-1/host-1	PGDATABASE	1	6
app-shop/svc/svc-1/host-1	PGSSLMODE	1	6
app-shop/svc/svc-1/host-2	PGUSER	2	\N
app-shop/svc/svc-1/host-2	PGPASSWORD	2	\N
app-shop/svc/svc-1/host-2	PGHOST	2	\N
app-shop/svc/svc-1/host-2	PGPORT	2	\N
app-shop/svc/svc-1/host-2	PGDATABASE	2	\N
app-shop/svc/svc-1/host-2	PGSSLMODE	2	\N
app-revoked	DATABASE_URL	1	8
app-retained	DATABASE_URL	2	\N
app-dropped	DATABASE_URL	2	\N
app-failed	DATABASE_URL	1	11
app-held	DATABASE_URL	1	12
app-owed	DATABASE_URL	1	13
\.
SELECT pg_catalog.setval('appinfra.audit_log_id_seq', 1795857410785791, true);
SELECT pg_catalog.setval('appinfra.binding_binding_id_seq', 13, true);
SELECT pg_catalog.setval('appinfra.credential_credential_id_seq', 16, true);
SELECT pg_catalog.setval('appinfra.publication_publication_id_seq', 16, true);
REVOKE CONNECT,TEMPORARY ON DATABASE control FROM PUBLIC;
GRANT CONNECT ON DATABASE control TO appinfra_admin;
GRANT CONNECT ON DATABASE control TO appinfra_publisher;
GRANT CONNECT ON DATABASE control TO appinfra_auditor;
\connect postgres
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
