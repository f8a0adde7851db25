select cast(i as date) as day from generate_series(date '2026-01-01', date '2026-01-09', interval 1 day) t(i)
