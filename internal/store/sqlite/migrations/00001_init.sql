-- The tables of the resources, of their former versions, and of what writes under an idempotency key have changed.
-- Times are microseconds since the epoch. A body is the whole document as JSON; the columns beside it are copies for the
-- indexes. Rows stay in the order of insertion (they have a rowid), so that new bodies fill pages one after another.

-- +goose Up
CREATE TABLE orders (
  tenant       TEXT NOT NULL,
  id           TEXT NOT NULL,
  version      INTEGER NOT NULL,
  create_time  INTEGER NOT NULL,
  delete_time  INTEGER,
  external_id  TEXT,
  order_number TEXT,
  body         TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT;
-- With delete_time, a list skips deleted orders without reading their rows.
CREATE INDEX orders_time ON orders (tenant, create_time, id, delete_time);
CREATE UNIQUE INDEX orders_external_id ON orders (tenant, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX orders_order_number ON orders (tenant, order_number) WHERE order_number IS NOT NULL;

CREATE TABLE products (
  tenant      TEXT NOT NULL,
  id          TEXT NOT NULL,
  version     INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  delete_time INTEGER,
  sku         TEXT,
  body        TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX products_time ON products (tenant, create_time, id, delete_time);
CREATE UNIQUE INDEX products_sku ON products (tenant, sku) WHERE sku IS NOT NULL;

CREATE TABLE shipments (
  tenant      TEXT NOT NULL,
  id          TEXT NOT NULL,
  version     INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  delete_time INTEGER,
  body        TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX shipments_time ON shipments (tenant, create_time, id, delete_time);

-- The versions that were replaced. A version is either here or current, never both.
CREATE TABLE history (
  tenant  TEXT NOT NULL,
  kind    TEXT NOT NULL,
  id      TEXT NOT NULL,
  version INTEGER NOT NULL,
  body    TEXT NOT NULL,
  PRIMARY KEY (tenant, kind, id, version)
) STRICT;

-- Hashes are random, so every insert lands on another page of their index: it holds nothing but them, and of them only
-- the first 16 bytes.
CREATE TABLE outcomes (
  tenant      TEXT NOT NULL,
  hash        BLOB NOT NULL,
  fingerprint BLOB NOT NULL,
  made        TEXT NOT NULL,
  time        INTEGER NOT NULL,
  PRIMARY KEY (tenant, hash)
) STRICT;
-- For the sweep, which is for all tenants.
CREATE INDEX outcomes_time ON outcomes (time);
