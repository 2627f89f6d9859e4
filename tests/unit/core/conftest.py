"""Settings of the property tests."""

from hypothesis import settings

settings.register_profile("core", deadline=None)  # how fast a busy machine is says nothing about the code
settings.load_profile("core")
