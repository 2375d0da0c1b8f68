internal import NIOCore
internal import Registry
internal import Serving
internal import Wire

// What the registry and serving say, as messages of the contract.

extension V1.Version {
    init(_ info: VersionInfo, replica: ReplicaStatus?, server: String) {
        self.init(
            model: info.model,
            version: info.version,
            createdUnixMs: info.createdUnixMs,
            createdBy: info.createdBy,
            bytes: info.bytes,
            recordSha256: info.recordSHA256,
            aliases: info.aliases,
            state: V1.Version.State(info.state),
            reason: info.reason,
            metadata: info.metadata,
            replicas: replica.map { [V1.Replica($0, server: server)] } ?? []
        )
    }
}

extension V1.Version.State {
    init(_ state: VersionState) {
        switch state {
        case .stored: self = .stored
        case .rejected: self = .rejected
        case .deleted: self = .deleted
        }
    }
}

extension V1.Replica {
    init(_ status: ReplicaStatus, server: String) {
        let load: V1.Replica.Load =
            switch status.load {
            case .loading: .loading
            case .ready: .ready
            case .draining: .draining
            case .failed: .failed
            }
        self.init(
            server: server,
            load: load,
            reason: status.reason,
            sinceUnixMs: status.sinceUnixMs
        )
    }
}

extension V1.File {
    init(_ file: FileInfo) {
        self.init(path: file.path, size: file.size, sha256: file.sha256)
    }
}

extension V1.Model {
    init(_ info: ModelInfo) {
        self.init(
            name: info.name,
            latestVersion: info.latestVersion,
            aliases: info.aliases.map(V1.Alias.init)
        )
    }
}

extension V1.Alias {
    init(_ info: AliasInfo) {
        self.init(
            name: info.name,
            version: info.version,
            generation: info.generation,
            targetVersion: info.targetVersion,
            failure: info.failure,
            changedUnixMs: info.changedUnixMs,
            changedBy: info.changedBy
        )
    }
}

extension V1.AliasMove {
    init(_ move: AliasMoveInfo) {
        self.init(
            generation: move.generation,
            fromVersion: move.fromVersion,
            toVersion: move.toVersion,
            principal: move.principal,
            reason: move.reason,
            askedUnixMs: move.askedUnixMs,
            servedUnixMs: move.servedUnixMs,
            outcome: move.outcome.rawValue
        )
    }
}

extension V1.CollectResponse {
    init(_ collected: Collected) {
        self.init(
            blobs: collected.blobs,
            blobBytes: collected.blobBytes,
            uploads: collected.uploads,
            uploadBytes: collected.uploadBytes,
            failed: collected.failed
        )
    }
}

extension V1.RotateKeysResponse {
    init(_ rotation: KeyRotation) {
        self.init(
            currentKey: rotation.currentKey,
            rewrapped: rotation.rewrapped,
            failures: rotation.failures,
            retiredKeys: rotation.retiredKeys
        )
    }
}

extension V1.AuditEvent {
    /// - Parameter showsChain: Whether sequence and hashes are shown, or left empty.
    init(_ event: AuditEventInfo, showsChain: Bool) {
        self.init(
            sequence: showsChain ? event.sequence : 0,
            unixMs: event.unixMs,
            principal: event.principal,
            action: event.action,
            model: event.model,
            version: event.version,
            detail: event.detail,
            previousHash: showsChain ? event.previousHash : [],
            hash: showsChain ? event.hash : []
        )
    }
}
