internal import Engine
internal import JSON
internal import Sealing
internal import Text
internal import Wire

// Replies as JSON: the names of the contract, integers as numbers, bytes in lower-case hex, enums
// without their prefix.

extension JSONValue {
    static func object(_ members: KeyValuePairs<ExactString, JSONValue>) -> JSONValue {
        .object(members.map { Member(name: $0.key, value: $0.value) })
    }

    static func number(_ value: some BinaryInteger) -> JSONValue { .number(String(value)) }

    static func texts(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }

    static func bytes(_ value: [UInt8]) -> JSONValue { .string(Hex.encode(value)) }

    static func map(_ values: [ExactString: ExactString]) -> JSONValue {
        .object(
            values.sorted { $0.key < $1.key }.map {
                Member(name: $0.key, value: .string($0.value.text))
            }
        )
    }

    /// The members of several objects in one.
    func merging(_ other: JSONValue) -> JSONValue {
        guard case .object(let mine) = self, case .object(let theirs) = other else { return self }
        let names = Set(mine.map(\.name))
        return .object(mine + theirs.filter { !names.contains($0.name) })
    }
}

extension V1.Version.State {
    var name: String {
        switch self {
        case .stored: "STORED"
        case .rejected: "REJECTED"
        case .deleted: "DELETED"
        default: "UNSPECIFIED"
        }
    }
}

extension V1.Replica.Load {
    var name: String {
        switch self {
        case .loading: "LOADING"
        case .ready: "READY"
        case .draining: "DRAINING"
        case .failed: "FAILED"
        default: "UNSPECIFIED"
        }
    }
}

extension V1.Version {
    var json: JSONValue {
        .object([
            "model": .string(model), "version": .number(version),
            "created_unix_ms": .number(createdUnixMs), "created_by": .string(createdBy),
            "bytes": .number(bytes), "record_sha256": .bytes(recordSha256),
            "aliases": .texts(aliases), "state": .string(state.name), "reason": .string(reason),
            "metadata": .map(metadata), "replicas": .array(replicas.map(\.json)),
        ])
    }
}

extension V1.Replica {
    var json: JSONValue {
        .object([
            "server": .string(server), "load": .string(load.name), "reason": .string(reason),
            "since_unix_ms": .number(sinceUnixMs),
        ])
    }
}

extension V1.File {
    var json: JSONValue {
        .object(["path": .string(path.text), "size": .number(size), "sha256": .bytes(sha256)])
    }
}

extension V1.Alias {
    var json: JSONValue {
        .object([
            "name": .string(name), "version": .number(version), "generation": .number(generation),
            "target_version": .number(targetVersion), "failure": .string(failure),
            "changed_unix_ms": .number(changedUnixMs), "changed_by": .string(changedBy),
        ])
    }
}

extension V1.Model {
    var json: JSONValue {
        .object([
            "name": .string(name), "latest_version": .number(latestVersion),
            "aliases": .array(aliases.map(\.json)),
        ])
    }
}

extension V1.AliasMove {
    var json: JSONValue {
        .object([
            "generation": .number(generation), "from_version": .number(fromVersion),
            "to_version": .number(toVersion), "principal": .string(principal),
            "reason": .string(reason), "asked_unix_ms": .number(askedUnixMs),
            "served_unix_ms": .number(servedUnixMs), "outcome": .string(outcome),
        ])
    }
}

extension V1.AuditEvent {
    var json: JSONValue {
        .object([
            "sequence": .number(sequence), "unix_ms": .number(unixMs),
            "principal": .string(principal), "action": .string(action), "model": .string(model),
            "version": .number(version), "detail": .string(detail),
            "previous_hash": .bytes(previousHash), "hash": .bytes(hash),
        ])
    }
}

extension V1.CollectResponse {
    var json: JSONValue {
        .object([
            "blobs": .number(blobs), "blob_bytes": .number(blobBytes),
            "uploads": .number(uploads), "upload_bytes": .number(uploadBytes),
            "failed": .number(failed),
        ])
    }
}

extension V1.Limits {
    var json: JSONValue {
        .object(["request_bytes": .number(requestBytes), "reply_bytes": .number(replyBytes)])
    }
}

extension V1.TensorSpec {
    /// The type as its usual name; an unknown number as itself.
    var typeName: String {
        ElementType(rawValue: dataType.rawValue)?.name ?? String(dataType.rawValue)
    }

    /// Name, type and shape, and whether a request may leave it out.
    var text: String {
        "\(name) \(typeName) \(unknownRank ? "any shape" : "\(shape)")"
            + (optional ? ", optional" : "")
    }

    var json: JSONValue {
        .object([
            "name": .string(name.text), "data_type": .string(typeName),
            "shape": .array(shape.map { .number($0) }), "unknown_rank": .bool(unknownRank),
            "optional": .bool(optional),
        ])
    }
}

extension V1.Timing {
    var json: JSONValue {
        .object([
            "queue_ns": .number(queueNs), "compute_ns": .number(computeNs),
            "batch_rows": .number(batchRows), "total_ns": .number(totalNs),
            "load_ns": .number(loadNs),
        ])
    }
}

extension V1.Usage {
    var json: JSONValue {
        .object([
            "rows": .number(rows), "input_tokens": .number(inputTokens),
            "output_tokens": .number(outputTokens), "compute_ns": .number(computeNs),
        ])
    }
}
