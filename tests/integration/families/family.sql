-- Tables that refer to each other in every way that a schema has: to themselves, in a circle, with and without NULL,
-- and with each of the usual rules for a deletion.
CREATE TABLE public.account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    phone text,
    parent_id bigint REFERENCES public.account (id),
    main_contact_id uuid,
    sfid varchar(18) UNIQUE
);

CREATE TABLE public.contact (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    last_name text NOT NULL,
    email text,
    account_id bigint REFERENCES public.account (id) ON DELETE CASCADE,
    reports_to_id uuid REFERENCES public.contact (id),
    sfid varchar(18) UNIQUE
);

ALTER TABLE public.account ADD FOREIGN KEY (main_contact_id) REFERENCES public.contact (id) DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE public.invoice (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    account_id bigint NOT NULL REFERENCES public.account (id) ON DELETE CASCADE,
    sfid varchar(18) UNIQUE
);

CREATE TABLE public.line (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    invoice_id bigint NOT NULL REFERENCES public.invoice (id),
    sfid varchar(18) UNIQUE
);

CREATE INDEX ON public.account (parent_id);
CREATE INDEX ON public.account (main_contact_id);
CREATE INDEX ON public.contact (account_id);
CREATE INDEX ON public.contact (reports_to_id);
CREATE INDEX ON public.invoice (account_id);
CREATE INDEX ON public.line (invoice_id);
