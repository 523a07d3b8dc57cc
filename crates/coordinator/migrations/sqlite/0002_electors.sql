-- Who takes part in a stream's elections. Kept, because who is one now decides who is one next: a list made
-- anew after a restart would be another under the same version.
CREATE TABLE electors (
    stream TEXT NOT NULL REFERENCES streams (stream),
    node   BLOB NOT NULL REFERENCES nodes (node),
    PRIMARY KEY (stream, node)
) STRICT, WITHOUT ROWID;
