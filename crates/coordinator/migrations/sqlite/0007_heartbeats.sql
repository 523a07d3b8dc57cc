-- An index over last_at was written anew by every heartbeat. Nobody can have lapsed within 75 s of a look at all
-- members, so that look needs no index.
DROP INDEX sessions_by_membership;
CREATE INDEX sessions_by_membership ON sessions (stream, is_member);
