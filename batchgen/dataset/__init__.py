"""What is kept: the index, the write-ahead log, reading, publishing, repair, events; `writer` stands on top."""
