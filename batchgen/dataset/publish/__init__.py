"""What a clean stop publishes: metadata.parquet, the dataset card, Croissant."""
