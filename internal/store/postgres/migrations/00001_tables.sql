-- The tables of the resources, of their former versions, and of what writes under an idempotency key have changed: those of
-- the embedded store. Times are microseconds since the epoch. A body is the whole document as JSON; the columns beside it
-- are copies for the indexes. What is compared is compared bytewise, whatever the locale of the database.
--
-- Migrations only add, so that the programs before them go on working. One that does not says so in compatibility.

-- +goose Up
CREATE TABLE orders (
  tenant       text COLLATE "C" NOT NULL,
  id           text COLLATE "C" NOT NULL,
  version      bigint NOT NULL,
  create_time  bigint NOT NULL,
  delete_time  bigint,
  external_id  text COLLATE "C",
  order_number text COLLATE "C",
  body         text NOT NULL, -- neither json nor jsonb: it is read back as it was written, and checking it costs time
  PRIMARY KEY (tenant, id)
);
-- With delete_time, a list skips deleted orders without reading their rows.
CREATE INDEX orders_time ON orders (tenant, create_time, id, delete_time);
CREATE UNIQUE INDEX orders_external_id ON orders (tenant, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX orders_order_number ON orders (tenant, order_number) WHERE order_number IS NOT NULL;

CREATE TABLE products (
  tenant      text COLLATE "C" NOT NULL,
  id          text COLLATE "C" NOT NULL,
  version     bigint NOT NULL,
  create_time bigint NOT NULL,
  delete_time bigint,
  sku         text COLLATE "C",
  body        text NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX products_time ON products (tenant, create_time, id, delete_time);
CREATE UNIQUE INDEX products_sku ON products (tenant, sku) WHERE sku IS NOT NULL;

CREATE TABLE shipments (
  tenant      text COLLATE "C" NOT NULL,
  id          text COLLATE "C" NOT NULL,
  version     bigint NOT NULL,
  create_time bigint NOT NULL,
  delete_time bigint,
  body        text NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX shipments_time ON shipments (tenant, create_time, id, delete_time);

-- The versions that were replaced. A version is either here or current, never both.
CREATE TABLE history (
  tenant  text COLLATE "C" NOT NULL,
  kind    text COLLATE "C" NOT NULL,
  id      text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  body    text NOT NULL,
  PRIMARY KEY (tenant, kind, id, version)
);

CREATE TABLE outcomes (
  tenant      text COLLATE "C" NOT NULL,
  hash        bytea NOT NULL,
  fingerprint bytea NOT NULL,
  made        text NOT NULL,
  time        bigint NOT NULL,
  PRIMARY KEY (tenant, hash)
);
-- For the sweep, which is for all tenants.
CREATE INDEX outcomes_time ON outcomes (time);

-- What all replicas must have the same of, made by the first that needs it.
CREATE TABLE secrets (
  name  text COLLATE "C" PRIMARY KEY,
  value bytea NOT NULL
);

-- The oldest program, by the number of its last migration, that works on this database.
CREATE TABLE compatibility (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  oldest bigint NOT NULL
);
INSERT INTO compatibility (oldest) VALUES (1);
