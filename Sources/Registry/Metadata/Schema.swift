/// The statements of the metadata database, registry format 2.
///
/// Ids, digests and sealed bytes are lower-case hex; signed statements are the text that was
/// signed. A version's data key lies in `wrapped_keys` under its bundle's id from the begin of
/// the upload on: a rotation of keys touches that table and no other.
///
/// docs/REGISTRY-FORMAT.md, section 4, has the same statements. A database has no object besides.
enum Schema {
    static let statements = [
        DatabaseFormat.identifierTable,
        """
        CREATE TABLE catalogue (
            id INTEGER PRIMARY KEY CHECK (id = 1), registry_id TEXT NOT NULL,
            sequence INTEGER NOT NULL, record_sha256 TEXT NOT NULL, head TEXT NOT NULL,
            signature TEXT NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE wrapped_keys (
            bundle_id TEXT NOT NULL PRIMARY KEY, model TEXT NOT NULL, kek_id TEXT NOT NULL,
            algorithm TEXT NOT NULL, salt TEXT NOT NULL, nonce TEXT NOT NULL,
            ciphertext TEXT NOT NULL, tag TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX wrapped_keys_by_kek ON wrapped_keys (kek_id)",
        """
        CREATE TABLE models (name TEXT NOT NULL PRIMARY KEY, newest INTEGER NOT NULL) STRICT
        """,
        """
        CREATE TABLE versions (
            model TEXT NOT NULL REFERENCES models (name), version INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('stored', 'rejected', 'deleted')),
            reason TEXT NOT NULL, created_unix_ms INTEGER NOT NULL, created_by TEXT NOT NULL,
            bytes INTEGER NOT NULL, bundle_id TEXT NOT NULL UNIQUE, record_sha256 TEXT NOT NULL,
            metadata TEXT NOT NULL, signature TEXT NOT NULL, sealed_card TEXT NOT NULL,
            record TEXT NOT NULL,
            PRIMARY KEY (model, version)
        ) STRICT
        """,
        """
        CREATE TABLE uploads (
            id TEXT NOT NULL PRIMARY KEY, server_id TEXT NOT NULL, principal TEXT NOT NULL,
            model TEXT NOT NULL, idempotency_key TEXT NOT NULL, mac TEXT NOT NULL,
            bundle_id TEXT NOT NULL UNIQUE, used_unix_ms INTEGER NOT NULL, version INTEGER,
            alias TEXT, alias_generation INTEGER, metadata TEXT NOT NULL, files TEXT NOT NULL,
            FOREIGN KEY (model, version) REFERENCES versions (model, version)
        ) STRICT
        """,
        """
        CREATE UNIQUE INDEX uploads_by_key ON uploads (principal, model, idempotency_key)
        WHERE idempotency_key <> ''
        """,
        "CREATE INDEX uploads_by_version ON uploads (model, version)",
        """
        CREATE TABLE upload_files (
            upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
            file_index INTEGER NOT NULL, sha256 TEXT NOT NULL, sealed_bytes INTEGER NOT NULL,
            sealed_sha256 TEXT NOT NULL, commitment TEXT NOT NULL, mac TEXT NOT NULL,
            PRIMARY KEY (upload_id, file_index)
        ) STRICT
        """,
        """
        CREATE TABLE aliases (
            model TEXT NOT NULL REFERENCES models (name), name TEXT NOT NULL,
            version INTEGER NOT NULL, generation INTEGER NOT NULL,
            target_version INTEGER NOT NULL, failure TEXT NOT NULL,
            changed_unix_ms INTEGER NOT NULL, changed_by TEXT NOT NULL,
            PRIMARY KEY (model, name)
        ) STRICT
        """,
        """
        CREATE TABLE alias_counters (
            model TEXT NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL,
            deleted_generation INTEGER NOT NULL,
            PRIMARY KEY (model, name)
        ) STRICT
        """,
        """
        CREATE TABLE alias_moves (
            model TEXT NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL,
            is_rollback INTEGER NOT NULL, from_version INTEGER NOT NULL,
            to_version INTEGER NOT NULL, principal TEXT NOT NULL, reason TEXT NOT NULL,
            asked_unix_ms INTEGER NOT NULL, served_unix_ms INTEGER NOT NULL,
            outcome TEXT NOT NULL
                CHECK (outcome IN ('served', 'pending', 'superseded', 'rejected')),
            allow_signature_change INTEGER NOT NULL DEFAULT 0, force INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (model, name, generation)
        ) STRICT
        """,
        """
        CREATE TABLE audit (
            sequence INTEGER PRIMARY KEY, unix_ms INTEGER NOT NULL, principal TEXT NOT NULL,
            action TEXT NOT NULL, model TEXT NOT NULL, version INTEGER NOT NULL,
            detail TEXT NOT NULL, previous_hash TEXT NOT NULL, hash TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX audit_by_model ON audit (model, sequence)",
    ]
}
