-- An application's table. Lockstep adds no column to it.
CREATE TABLE customers (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email      text NOT NULL UNIQUE,
    first_name text,
    last_name  text,
    phone      text,
    company    text,
    updated_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO customers (email, first_name, last_name, phone, company) VALUES
    ('ada@example.com', 'Ada', 'Lovelace', '+44 20 7946 0001', 'Analytical Engines'),
    ('grace@example.com', 'Grace', 'Hopper', '+1 202 555 0102', 'Flow-Matic'),
    ('alan@example.com', 'Alan', 'Turing', '+44 20 7946 0003', NULL);
