internal import JSON
internal import Registry
internal import Sealing
internal import Text

/// What a child process is told to load: one message, and the version's data key behind it.
struct FirstLoadOrder {
    /// The process that started it.
    var parent: Int32
    var memoryBytes: UInt64
    var cpuSeconds: UInt64
    var record: [UInt8]
    var card: [UInt8]
    var blobs: String

    func encoded() -> [UInt8] {
        let members = [
            JSONValue.Member(name: "parent", value: .number("\(parent)")),
            .init(name: "memory_bytes", value: .number("\(memoryBytes)")),
            .init(name: "cpu_seconds", value: .number("\(cpuSeconds)")),
            .init(name: "record", value: .string(String(decoding: record, as: UTF8.self))),
            .init(name: "card", value: .string(Base64.encode(card))),
            .init(name: "blobs", value: .string(blobs)),
        ]
        return Array(JSONValue.object(members).text.utf8)
    }

    /// - Parameter key: What opens the version's files.
    func handover(key: SecretKey) -> VersionHandover {
        VersionHandover(record: record, card: card, blobs: blobs, dataKey: key)
    }
}

extension FirstLoadOrder {
    /// Reads an order; nil if it is none.
    init?(_ message: [UInt8]) {
        guard let json = try? JSONValue(parsing: message),
            case .number(let parent)? = json["parent"], let parent = Int32(parent),
            case .number(let memory)? = json["memory_bytes"], let memory = UInt64(memory),
            case .number(let cpu)? = json["cpu_seconds"], let cpu = UInt64(cpu),
            case .string(let record)? = json["record"],
            case .string(let card)? = json["card"], let card = Base64.decode(card),
            case .string(let blobs)? = json["blobs"]
        else { return nil }
        self.init(
            parent: parent,
            memoryBytes: memory,
            cpuSeconds: cpu,
            record: Array(record.utf8),
            card: card,
            blobs: blobs
        )
    }
}
