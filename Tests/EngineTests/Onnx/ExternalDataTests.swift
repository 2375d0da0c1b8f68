import Foundation
import Synchronization
import Testing
import Text

@testable import Engine

@Suite("Tensors in other files")
struct ExternalDataTests {
    /// Files that are said to have a size, and cannot be read.
    private struct Sizes: ModelSource {
        struct Unread: Error {}
        let sizes: [ExactString: UInt64]

        func withEntry<Result>(_ body: (RawSpan) throws -> Result) throws -> Result {
            throw Unread()
        }
        func byteCount(ofFile path: ExactString) -> UInt64? { sizes[path] }
        func file(_ path: ExactString) throws -> any HeldBytes { throw Unread() }
    }

    private static func tensor(
        _ name: ExactString,
        in location: ExactString,
        at offset: UInt64,
        _ byteCount: UInt64
    ) -> ExternalTensor {
        ExternalTensor(
            name: name,
            elementType: 2,
            shape: [Int64(byteCount)],
            location: location,
            offset: offset,
            byteCount: byteCount,
            place: 0..<1
        )
    }

    private static func files(
        of tensors: [ExternalTensor],
        from source: some ModelSource
    ) throws -> ExternalFiles {
        try ExternalFiles(of: ModelTensors(initializers: tensors), from: source)
    }

    private static let rows: UInt64 = 64
    private static let columns: UInt64 = 8
    private static let tableBytes = Int(rows * columns * 4)

    private func table(_ number: Float) -> [UInt8] {
        bytes((0..<Self.rows * Self.columns).map { Float($0) * number })
    }

    /// Loads and runs a model of tables at these places of one or more files.
    private func answer(
        _ places: [(file: String, offset: Int)],
        _ files: [ExactString: HeldArray]
    ) throws -> [UInt8] {
        let tables = places.enumerated().map { index, place in
            Proto.external(
                "w\(index)",
                shape: [Self.rows, Self.columns],
                location: place.file,
                offset: UInt64(place.offset)
            )
        }
        let model = try Fixtures.engine().load(
            ModelInMemory(
                entry: Proto.lookups(in: tables, columns: Self.columns),
                files: files
            ),
            options: LoadOptions()
        )
        let rows = bytes([Int64(3), Int64(63)])
        let input = InputTensor(name: "x", type: .int64, shape: [2], bytes: rows)
        let outputs = try model.run([input], outputs: [], stop: nil)
        return try #require(outputs.first).copied()
    }

    /// What it has to answer.
    private func expected(_ numbers: [Float]) -> [UInt8] {
        var sums: [Float] = []
        for row: UInt64 in [3, 63] {
            for column in 0..<Self.columns {
                let element = Float(row * Self.columns + column)
                sums.append(numbers.reduce(0) { sum, number in sum + element * number })
            }
        }
        return bytes(sums)
    }

    @Test("the runtime tells of each that it has copied, and what it told of is not read again")
    func givenBack() throws {
        #expect(OnnxLog.tellsCopies(version: try Fixtures.engine().version))
        let (first, second) = (HeldArray(table(1) + table(2)), HeldArray([1, 2, 3, 4] + table(3)))
        let size = Self.tableBytes
        let answer = try answer(
            [("a", 0), ("a", size), ("b", 4)],
            ["a": first, "b": second]
        )
        #expect(answer == expected([1, 2, 3]))
        #expect(
            first.given.withLock { $0.sorted { $0.lowerBound < $1.lowerBound } }
                == [0..<size, size..<2 * size]
        )
        #expect(second.given.withLock { $0 } == [4..<4 + size])
    }

    @Test("bytes that two tensors share stay until both are copied")
    func overlapping() throws {
        let file = HeldArray(table(1) + table(2) + table(3))
        let size = Self.tableBytes
        let answer = try answer([("a", 0), ("a", 0), ("a", size)], ["a": file])
        #expect(answer == expected([1, 1, 2]))
        #expect(file.given.withLock { $0 } == [size..<2 * size])
    }

    @Test("those that share no byte with another are found")
    func apart() {
        let tensors = [
            Self.tensor("whole", in: "a", at: 0, 100), Self.tensor("inner", in: "a", at: 10, 10),
            Self.tensor("inner too", in: "a", at: 40, 10),
            Self.tensor("next", in: "a", at: 100, 10),
            Self.tensor("last byte", in: "a", at: 200, 10),
            Self.tensor("of it", in: "a", at: 209, 9),
            Self.tensor("another file", in: "b", at: 0, 100),
            Self.tensor("twin", in: "c", at: 5, 5),
            Self.tensor("its twin", in: "c", at: 5, 5), Self.tensor("end", in: "c", at: 10, 5),
        ]
        for _ in 0..<10 {
            let names = CopiedTensors.apart(tensors.shuffled()).map(\.name.text)
            #expect(names.sorted() == ["another file", "end", "next"])
        }
    }

    @Test("only the runtime's own message, in the session that listens, is heard")
    func messages() throws {
        let log = OnnxLog()
        let place = "graph.cc:4446 InjectExternalInitializedTensors"
        let heard = Mutex<[ExactString]>([])
        let message = { (name: String) in "Replaced external initializer: \(name)" }
        try log.whileListening({ name in heard.withLock { $0.append(name) } }) {
            session throws(OnnxFailure) in
            log.take(session: session, place: place, message: message("w"))
            log.take(session: session, place: place, message: message("a: b"))
            log.take(session: session, place: "graph.cc:1 Resolve", message: message("x"))
            log.take(session: session, place: place, message: "Node " + message("x"))
            log.take(session: session + "0", place: place, message: message("x"))
            try log.whileListening({ _ in }) { inner throws(OnnxFailure) in
                log.take(session: inner, place: place, message: message("x"))
            }
        }
        log.take(session: "load-1", place: place, message: message("x"))
        #expect(heard.withLock { $0 } == ["w", "a: b"])
        #expect(!OnnxLog.tellsCopies(version: "1.33.0"))
    }

    @Test("tensors that share bytes are copied up to a limit, which the refusal names")
    func sumOfCopies() throws {
        let size: UInt64 = 1 << 20
        let limit = EngineLimits.maxExternalCopies * size + EngineLimits.maxSharedBytes
        let whole = (0..<limit / size).map { Self.tensor("t\($0)", in: "w", at: 0, size) }
        let source = Sizes(sizes: ["w": size])
        #expect(throws: Sizes.Unread.self) { _ = try Self.files(of: whole, from: source) }
        let error = try engineError {
            _ = try Self.files(of: whole + [Self.tensor("c", in: "w", at: 99, 1)], from: source)
        }
        #expect(error.code == .unsupported)
        #expect(error.message.contains("share bytes"))
        #expect(error.message.contains("\(limit + 1) bytes, at most \(limit) are taken"))
    }

    @Test("tensors outside of the main graph's initializers are bounded by themselves")
    func sumOfEmbedded() throws {
        let limit = EngineLimits.maxEmbeddedBytes
        let source = Sizes(sizes: ["w": limit + 1])
        var tensors = ModelTensors(embedded: [Self.tensor("a", in: "w", at: 0, limit)])
        #expect(throws: Sizes.Unread.self) { _ = try ExternalFiles(of: tensors, from: source) }
        tensors.embedded.append(Self.tensor("b", in: "w", at: limit, 1))
        let error = try engineError { _ = try ExternalFiles(of: tensors, from: source) }
        #expect(error.code == .unsupported)
        #expect(error.message.contains("at most \(limit) are taken"))
    }

    @Test("the file of an unread tensor has to be there, and is not read")
    func unread() throws {
        let tensor = Self.tensor("spare", in: "w", at: 90, 10)
        let tensors = ModelTensors(unread: [tensor])
        _ = try ExternalFiles(of: tensors, from: Sizes(sizes: ["w": 100]))
        for sizes: [ExactString: UInt64] in [["w": 99], ["v": 100]] {
            let error = try engineError {
                _ = try ExternalFiles(of: tensors, from: Sizes(sizes: sizes))
            }
            #expect(error.code == .invalidModel)
            #expect(error.message.contains("tensor 'spare' of the model"))
        }
    }

    @Test("a tensor ends within its file, whatever numbers it states")
    func ends() throws {
        let source = Sizes(sizes: ["w": 100])
        let last = Self.tensor("a", in: "w", at: 90, 10)
        #expect(throws: Sizes.Unread.self) { _ = try Self.files(of: [last], from: source) }
        for offset: UInt64 in [91, 100, .max - 9, .max] {
            let error = try engineError {
                _ = try Self.files(of: [Self.tensor("a", in: "w", at: offset, 10)], from: source)
            }
            #expect(error.code == .invalidModel)
        }
    }

    @Test("the bytes of all files are bounded, used or not, and so is the number of files")
    func totals() throws {
        let tensors = (["v", "w"] as [ExactString]).map { Self.tensor($0, in: $0, at: 0, 1) }
        let limit = EngineLimits.maxExternalBytes
        #expect(throws: Sizes.Unread.self) {
            _ = try Self.files(of: tensors, from: Sizes(sizes: ["v": limit - 1, "w": 1]))
        }
        for sizes: [ExactString: UInt64] in [["v": limit, "w": 1], ["v": .max, "w": .max]] {
            let error = try engineError {
                _ = try Self.files(of: tensors, from: Sizes(sizes: sizes))
            }
            #expect(error.code == .unsupported)
        }
        let many = (0...EngineLimits.maxExternalFiles).map {
            Self.tensor("t\($0)", in: "f\($0)", at: 0, 1)
        }
        let source = Sizes(
            sizes: Dictionary(uniqueKeysWithValues: many.map { ($0.location, UInt64(1)) })
        )
        #expect(throws: Sizes.Unread.self) {
            _ = try Self.files(of: Array(many.dropLast()), from: source)
        }
        let error = try engineError { _ = try Self.files(of: many, from: source) }
        #expect(error.code == .unsupported)
    }
}
