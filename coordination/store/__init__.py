"""The only home of SQL: one module per noun calls the functions of `functions/` and returns domain values."""
