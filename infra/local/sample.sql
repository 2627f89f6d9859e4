-- The sample's tables, as an application would have them: Twinledger adds only the outbox and its triggers.
CREATE TABLE public.account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    phone text,
    website text,
    industry text,
    annual_revenue numeric(20, 2),
    sfid varchar(18) UNIQUE
);

CREATE TABLE public.contact (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    first_name text,
    last_name text NOT NULL,
    email text,
    phone text,
    title text,
    birthdate date,
    mailing_street text,
    mailing_city text,
    mailing_postal_code text,
    mailing_country text,
    account_id bigint REFERENCES public.account (id),
    sfid varchar(18) UNIQUE
);

CREATE INDEX contact_account_id ON public.contact (account_id);
CREATE INDEX contact_email ON public.contact (email);
