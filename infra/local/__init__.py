"""The one-machine stack: a private Postgres, an AWS emulator and a simulated Salesforce org on 127.0.0.1."""
