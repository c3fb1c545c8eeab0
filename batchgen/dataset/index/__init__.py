"""The index: one record for each image slot, in immutable Parquet parts."""
