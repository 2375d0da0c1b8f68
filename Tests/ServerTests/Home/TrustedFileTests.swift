import Foundation
import Logging
import Platform
import Testing

@testable import Server

@Suite("Files that trust rests on")
struct TrustedFileTests {
    private let folder = NSTemporaryDirectory() + "trusted-\(UUID())"
    private var path: String { folder + "/file" }

    init() throws {
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
    }

    private func remove() { try? FileManager.default.removeItem(atPath: folder) }

    private func message(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return "\(error)"
        }
    }

    private func read(_ maxBytes: Int = TrustedFile.maxBytes) -> String? {
        message { _ = try TrustedFile(path, .strict, maxBytes: maxBytes) }
    }

    @Test("a FIFO, a socket, a device or a folder is refused without waiting")
    func kinds() throws {
        defer { remove() }
        try #require(mkfifo(path, 0o600) == 0)
        #expect(read() == "\(path) is a FIFO; expected a regular file")
        #expect(
            message { _ = try Files.append(path, text: "x", mode: 0o640, .strict) } != nil
        )
        try #require(unlink(path) == 0 && mkdir(path, 0o700) == 0)
        #expect(read() == "\(path) is a folder; expected a regular file")
        try #require(rmdir(path) == 0 && symlink("/dev/zero", path) == 0)
        #expect(read() == "\(path) is a device; expected a regular file")
        try #require(unlink(path) == 0 && symlink(folder + "/none", path) == 0)
        #expect(read() == "\(path) cannot be read: No such file or directory")
        #expect(Files.isNamed(path) && !Files.exists(path))
    }

    @Test("a file is read up to the limit, and refused past it before it is read")
    func size() throws {
        defer { remove() }
        try Data(count: 100).write(to: URL(fileURLWithPath: path))
        #expect(read(100) == nil)
        #expect(read(99) == "\(path) has 100 bytes; at most 99 are read")
        try #require(truncate(path, 10 << 30) == 0)
        #expect(read() == "\(path) has \(10 << 30) bytes; at most \(16 << 20) are read")
    }

    @Test("a written file has exactly its mode, and what lies at its temporary name is not opened")
    func writes() throws {
        defer { remove() }
        let victim = folder + "/victim"
        try "kept".write(toFile: victim, atomically: false, encoding: .utf8)
        try #require(link(victim, "\(path).\(getpid()).new") == 0)
        for mode in [0o600, 0o644, 0o640] as [mode_t] {
            try Files.write(path, text: "new", mode: mode)
            #expect(FileStatus(path: path)?.permissions == mode)
        }
        #expect(try String(contentsOfFile: victim, encoding: .utf8) == "kept")
    }

    @Test("grants stay as they were while the file is a FIFO or others may write it")
    func grants() throws {
        defer { remove() }
        let text = #"{"grants": [{"principal": "cert:alice", "role": "admin"}]}"#
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        try #require(chmod(path, 0o600) == 0)
        let file = try AccessFile(path, in: folder, logger: .init(label: "test"))
        let none = #"{"grants": []}"#
        try none.write(toFile: path, atomically: false, encoding: .utf8)
        try #require(chmod(path, 0o666) == 0)
        file.reloadIfChanged()
        #expect(file.current.grants.count == 1)
        try #require(unlink(path) == 0 && mkfifo(path, 0o600) == 0)
        file.reloadIfChanged()
        #expect(file.current.grants.count == 1)
        try #require(unlink(path) == 0)
        try none.write(toFile: path, atomically: false, encoding: .utf8)
        try #require(chmod(path, 0o600) == 0 && chmod(folder, 0o777) == 0)
        file.reloadIfChanged()
        #expect(file.current.grants.count == 1)
        try #require(chmod(folder, 0o700) == 0)
        file.reloadIfChanged()
        #expect(file.current.grants.isEmpty)
    }
}
