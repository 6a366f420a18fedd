TRUNCATE tags;
INSERT INTO tags SELECT n, 'again ' || n FROM generate_series(1, 40) n ON CONFLICT DO NOTHING;
