"""Twinledger: two-way, real-time sync between Salesforce and Postgres that loses no edit."""
