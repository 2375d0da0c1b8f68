internal import JSON
internal import Registry
internal import Text

/// The order of a server to an engine host: the version that it loads.
///
/// It holds nothing that opens a file: the host asks for the content of each by its path.
struct HostOrder: Sendable {
    var id: VersionID
    /// Bytes of memory that the host may write.
    var memoryBytes: UInt64
    /// Seconds of processor time that the load may take.
    var cpuSeconds: UInt64
    /// The card as it was published.
    var card: [UInt8]
    /// Plaintext bytes of the bundle's files, by path.
    var sizes: [ExactString: UInt64]
    /// The findings of an earlier load; nil: the host makes every comparison.
    var known: VersionFindings?
    /// The runs that the load leaves out; those of the findings are not sent.
    var omitted = OmittedRuns()

    func encoded() -> [UInt8] {
        let files = sizes.map { path, size in
            JSONValue.object([
                .init(name: "path", value: .string(path.text)),
                .init(name: "bytes", value: .number("\(size)")),
            ])
        }
        var members = [
            JSONValue.Member(name: "model", value: .string(id.model)),
            .init(name: "version", value: .number("\(id.version)")),
            .init(name: "memory_bytes", value: .number("\(memoryBytes)")),
            .init(name: "cpu_seconds", value: .number("\(cpuSeconds)")),
            .init(name: "card", value: .string(Base64.encode(card))),
            .init(name: "files", value: .array(files)),
        ]
        if let known { members.append(.init(name: "findings", value: known.json)) }
        if !omitted.isEmpty { members.append(.init(name: "omitted", value: omitted.json)) }
        return Array(JSONValue.object(members).text.utf8)
    }
}

extension HostOrder {
    /// Reads an order; nil if it is none.
    init?(_ message: [UInt8]) {
        guard let json = try? JSONValue(parsing: message),
            case .string(let model)? = json["model"],
            case .number(let version)? = json["version"], let version = UInt64(version),
            case .number(let memory)? = json["memory_bytes"], let memory = UInt64(memory),
            case .number(let cpu)? = json["cpu_seconds"], let cpu = UInt64(cpu),
            case .string(let card)? = json["card"], let card = Base64.decode(card),
            case .array(let files)? = json["files"]
        else { return nil }
        var sizes: [ExactString: UInt64] = [:]
        for file in files {
            guard case .string(let path)? = file["path"],
                case .number(let size)? = file["bytes"], let size = UInt64(size)
            else { return nil }
            sizes[ExactString(path)] = size
        }
        let known = json["findings"].map { VersionFindings($0) }
        guard known == nil || known.flatMap({ $0 }) != nil else { return nil }
        let omitted = json["omitted"].map { OmittedRuns($0) } ?? OmittedRuns()
        guard let omitted else { return nil }
        self.init(
            id: VersionID(model: model, version: version),
            memoryBytes: memory,
            cpuSeconds: cpu,
            card: card,
            sizes: sizes,
            known: known ?? nil,
            omitted: omitted
        )
    }
}
