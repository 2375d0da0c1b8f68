import Foundation
import Logging
import Synchronization
import Testing

@testable import Server

@Suite("The file of grants")
struct AccessFileTests {
    /// Names of the same length: files that differ in nothing but their contents.
    private let alice = #"{"grants": [{"principal": "cert:alice", "role": "admin"}]}"#
    private let clara = #"{"grants": [{"principal": "cert:clara", "role": "admin"}]}"#
    private let noise = #"{"grants": [{"principal": "cert:noise", "role": "noise"}]}"#
    private let folder = NSTemporaryDirectory() + "access-\(UUID())"
    private var path: String { folder + "/access.json" }
    private let log = RecordedLog()

    /// Writes in place and with the same time, so that a stamp tells nothing.
    private func write(_ text: String, at date: Date = Date(timeIntervalSince1970: 1)) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path)
    }

    init() throws {
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
    }

    private func open() throws -> AccessFile {
        try AccessFile(path, in: folder, logger: Logger(label: "test") { _ in log })
    }

    private func remove() { try? FileManager.default.removeItem(atPath: folder) }

    private func principals(_ file: AccessFile) -> [String] {
        file.current.grants.map(\.principal)
    }

    @Test("a change is taken up")
    func change() throws {
        defer { remove() }
        try write(alice)
        let file = try open()
        try write(clara, at: Date(timeIntervalSince1970: 2))
        file.reloadIfChanged()
        #expect(principals(file) == ["cert:clara"])
    }

    @Test("a read that failed is tried again, though the file looks the same")
    func retry() throws {
        defer { remove() }
        try write(alice)
        let file = try open()
        try write(noise, at: Date(timeIntervalSince1970: 2))
        file.reloadIfChanged()
        #expect(principals(file) == ["cert:alice"])
        try write(clara, at: Date(timeIntervalSince1970: 2))
        file.reloadIfChanged()
        #expect(principals(file) == ["cert:clara"])
    }

    @Test("a failure is said once for each state of the file")
    func quiet() throws {
        defer { remove() }
        try write(alice)
        let file = try open()
        for second in [2.0, 3] {
            try write(noise, at: Date(timeIntervalSince1970: second))
            for _ in 0..<3 { file.reloadIfChanged() }
        }
        #expect(log.errors == 2)
        remove()
        for _ in 0..<3 { file.reloadIfChanged() }
        #expect(log.errors == 3)
        #expect(principals(file) == ["cert:alice"])
    }

    @Test("a reload that was asked for reads, and says what failed, whatever the file looks like")
    func unconditional() throws {
        defer { remove() }
        try write(alice)
        let file = try open()
        try write(clara)
        file.reload()
        #expect(principals(file) == ["cert:clara"])
        try write(noise)
        for _ in 0..<2 { file.reload() }
        #expect(log.errors == 2)
        #expect(principals(file) == ["cert:clara"])
    }
}

/// Counts what is logged as an error.
private final class RecordedLog: LogHandler {
    private let count = Atomic<Int>(0)

    var errors: Int { count.load(ordering: .relaxed) }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .info }
        set {}
    }
    subscript(metadataKey _: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        if event.level == .error { count.wrappingAdd(1, ordering: .relaxed) }
    }
}
