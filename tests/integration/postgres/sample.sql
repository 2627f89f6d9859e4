CREATE SCHEMA crm;
CREATE SCHEMA "Sales ""Data""";
CREATE TABLE crm.account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    phone varchar(20),
    revenue numeric(18,2) CONSTRAINT revenue_is_positive CHECK (revenue >= 0),
    score double precision,
    active boolean NOT NULL DEFAULT false,
    founded date,
    called timestamptz,
    opens time,
    tags text[],
    parent_id bigint REFERENCES crm.account,
    internal text,  -- not mapped
    CONSTRAINT name_once UNIQUE (name)
);
CREATE TABLE crm.contact (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "last ""Name""" text,
    email text,
    account_id bigint REFERENCES crm.account
);
CREATE TABLE "Sales ""Data"""."line item; DROP" (
    "order no" integer,
    "position" date,
    "SELECT" text,
    PRIMARY KEY ("order no", "position")
);
CREATE TABLE crm.event (  -- partitioned; not in the common mappings
    id bigint,
    region text,
    title text,
    PRIMARY KEY (id, region)
) PARTITION BY LIST (region);
CREATE TABLE crm.event_north PARTITION OF crm.event FOR VALUES IN ('north');
CREATE TABLE crm.event_south PARTITION OF crm.event FOR VALUES IN ('south');
GRANT USAGE ON SCHEMA crm TO app;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA crm TO app;
