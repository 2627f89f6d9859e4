"""What Twinledger exists for, as pure code: values, merge, plan and settle. Nothing in here does I/O."""
