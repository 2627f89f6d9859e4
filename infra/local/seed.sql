-- A small data set, written by the application's role once the changes are captured: the sync carries it to Salesforce.
INSERT INTO public.account (name, phone, website, industry, annual_revenue) VALUES
    ('Harbour Light Optics', '+49 40 5550101', 'https://harbour-light.example', 'Manufacturing', 4200000.00),
    ('Brightwater Mills', '+44 161 4960102', 'https://brightwater.example', 'Apparel', 1875000.50),
    ('Cedar & Stone', '+1 206 5550103', 'https://cedarandstone.example', 'Construction', 920000.00),
    ('Delta Freight', '+31 10 5550104', 'https://deltafreight.example', 'Transportation', 15300000.00),
    ('Evergreen Clinics', '+1 503 5550105', 'https://evergreen.example', 'Healthcare', 7650000.75),
    ('Foxglove Media', '+353 1 5550106', 'https://foxglove.example', 'Media', 640000.00),
    ('Granite Insurance', '+41 44 5550107', 'https://granite.example', 'Insurance', 31000000.00),
    ('Hollow Oak Foods', '+33 1 55500108', 'https://hollowoak.example', 'Food & Beverage', 2250000.00),
    ('Ironbridge Energy', '+44 121 4960109', 'https://ironbridge.example', 'Energy', 88000000.00),
    ('Juniper Learning', '+1 617 5550110', 'https://juniper.example', 'Education', 530000.25);

INSERT INTO public.contact
    (first_name, last_name, email, phone, title, birthdate, mailing_street, mailing_city, mailing_postal_code, mailing_country, account_id)
SELECT
    person.first_name,
    person.last_name,
    lower(person.first_name || '.' || person.last_name) || '@example.com',
    '+44 20 7946 0' || (100 + person.number),
    (ARRAY['Director', 'Buyer', 'Engineer', 'Accountant'])[1 + person.number % 4],
    DATE '1970-01-01' + (person.number * 397)::int,
    person.number || ' Mill Lane',
    (ARRAY['Leeds', 'Utrecht', 'Lyon', 'Bergen', 'Graz'])[1 + person.number % 5],
    (10000 + person.number * 37)::text,
    (ARRAY['United Kingdom', 'Netherlands', 'France', 'Norway', 'Austria'])[1 + person.number % 5],
    account.id
FROM (
    VALUES
    (1, 'Ada', 'Okafor'), (2, 'Bela', 'Novak'), (3, 'Carla', 'Jensen'), (4, 'Dmitri', 'Halonen'), (5, 'Esra', 'Yilmaz'),
    (6, 'Femi', 'Adeyemi'), (7, 'Greta', 'Lindqvist'), (8, 'Hugo', 'Moreau'), (9, 'Ines', 'Carvalho'), (10, 'Jonas', 'Weber'),
    (11, 'Kaito', 'Mori'), (12, 'Lena', 'Fischer'), (13, 'Mateo', 'Rossi'), (14, 'Nadia', 'Haddad'), (15, 'Oskar', 'Nowak'),
    (16, 'Priya', 'Raman'), (17, 'Quentin', 'Dubois'), (18, 'Rosa', 'Ferrari'), (19, 'Samir', 'Khan'), (20, 'Tove', 'Berg'),
    (21, 'Uma', 'Patel'), (22, 'Viktor', 'Horvat'), (23, 'Wanda', 'Kowalska'), (24, 'Xavier', 'Leroy'), (25, 'Yara', 'Santos'),
    (26, 'Zoltan', 'Szabo'), (27, 'Amara', 'Diallo'), (28, 'Bruno', 'Costa'), (29, 'Clara', 'Nilsen'), (30, 'Daniel', 'Byrne')
) AS person (number, first_name, last_name)
JOIN public.account ON account.id = 1 + person.number % 10;
