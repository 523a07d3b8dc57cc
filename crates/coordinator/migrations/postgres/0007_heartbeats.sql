-- The same as in SQLite, table for table and column for column.

-- An index over last_at was written anew by every heartbeat. Nobody can have lapsed within 75 s of a look at all
-- members, so that look needs no index.
DROP INDEX sessions_by_membership;
CREATE INDEX sessions_by_membership ON sessions (stream, is_member);

-- Without it a row's next version finds room beside the last, and no index has to be told of it.
ALTER TABLE sessions SET (fillfactor = 50);
ALTER TABLE uptimes SET (fillfactor = 80);
