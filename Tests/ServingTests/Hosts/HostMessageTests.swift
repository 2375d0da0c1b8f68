import Engine
import Hosting
import JSON
import Sandbox
import Testing
import Text

@testable import Registry
@testable import Serving

@Suite("The messages between a server and an engine host")
struct HostMessageTests {
    private static let findings = VersionFindings(
        plan: BatchPlan(
            isMerged: true,
            why: "rows 'are' independent",
            maxRows: 37,
            maxDelayUs: 0,
            isAtPublishersRisk: true,
            checkMs: 1_234
        ),
        isDeterministic: false
    )

    private static let found = HostedFindings(
        findings: findings,
        warmUpFailure: "it takes no zeros",
        signature: ModelSignature(
            inputs: [
                TensorSpec(name: "x", type: .fp32, shape: [-1, 3]),
                TensorSpec(name: "ä \"q\"", type: .bytes, shape: [], hasUnknownRank: true),
                TensorSpec(name: "n", type: .int64, shape: [], isOptional: true),
            ],
            outputs: [TensorSpec(name: "y", type: .bf16, shape: [0, 1 << 40])]
        ),
        resources: ModelResources(modelBytes: 77, threads: 4, timeDependsOnValues: true)
    )

    @Test("an order arrives as it was given, and a part of it is none", arguments: [true, false])
    func order(isKnown: Bool) throws {
        let order = HostOrder(
            id: VersionID(model: "ä \"q\"", version: .max),
            memoryBytes: .max,
            cpuSeconds: 3,
            card: [0, 255, 10],
            sizes: ["model.onnx": 1 << 40, "golden/ü.json": 0],
            known: isKnown ? Self.findings : nil,
            omitted: isKnown ? OmittedRuns(warmUps: [0: "a", 3: "b"]) : OmittedRuns()
        )
        let message = order.encoded()
        let read = try #require(HostOrder(message))
        #expect(read.id == order.id)
        #expect(read.memoryBytes == .max)
        #expect(read.cpuSeconds == 3)
        #expect(read.card == order.card)
        #expect(read.sizes == order.sizes)
        #expect(read.known == order.known)
        #expect(read.omitted == order.omitted)
        for count in message.indices { #expect(HostOrder(Array(message[..<count])) == nil) }
    }

    @Test("an order names no key, no folder and no record")
    func secrets() throws {
        let order = HostOrder(
            id: VersionID(model: "m", version: 1),
            memoryBytes: 1,
            cpuSeconds: 1,
            card: [],
            sizes: [:],
            known: Self.findings
        )
        let text = String(decoding: order.encoded(), as: UTF8.self)
        for word in ["key", "blob", "record", "/"] { #expect(!text.contains(word), "\(word)") }
    }

    @Test(
        "a step arrives as it was told",
        arguments: [
            .load, .warmUp(attempt: 0), .warmUp(attempt: WarmUp.attempts.count - 1),
            .golden("golden/\"1\".json"), .rows,
        ] as [LoadStep]
    )
    func step(_ step: LoadStep) throws {
        guard case .step(let read)? = HostReport(HostReport.step(step).encoded()) else {
            Issue.record("no step")
            return
        }
        #expect(read == step)
    }

    @Test("the layers of the sandbox arrive")
    func ready() {
        var report = SandboxReport()
        report.landlockVersion = 6
        report.filtersCalls = true
        guard case .ready(let read)? = HostReport(HostReport.ready(report).encoded()) else {
            Issue.record("it is not ready")
            return
        }
        #expect(read == report)
    }

    @Test("a wanted file arrives by its exact path")
    func wants() {
        guard case .wants(let path)? = HostReport(HostReport.wants("a\u{301}/\n").encoded()) else {
            Issue.record("it wants nothing")
            return
        }
        #expect(path == ExactString("a\u{301}/\n"))
    }

    @Test("a rejection arrives as it would have been thrown here, and other failures may pass")
    func failures() {
        let rejected = Loader.Failure.rejected(reason: "golden request golden/0.json", detail: "d")
        let damaged = Loader.Failure.damaged(ServingError(.dataLoss, "damaged", detail: "d"))
        guard case .failed(let first)? = HostReport(HostReport.failed(rejected).encoded()),
            case .failed(let second)? = HostReport(HostReport.failed(damaged).encoded())
        else {
            Issue.record("no failure")
            return
        }
        #expect("\(first)" == "\(rejected)")
        // A host does not decide that the server's files are damaged.
        #expect(second.mayPass)
    }

    @Test("the description of a version that has passed arrives")
    func passed() {
        guard case .passed(let read)? = HostReport(HostReport.passed(Self.found).encoded()) else {
            Issue.record("it has not passed")
            return
        }
        #expect(read == Self.found)
    }

    @Test("texts of a host are cut and stay on one line")
    func bounded() {
        let long = String(repeating: "é", count: HostText.maxBytes)
        guard
            case .failed(let failure)? = HostReport(
                HostReport.failed(.rejected(reason: "a\u{1B}[2J\nb" + long, detail: "")).encoded()
            )
        else {
            Issue.record("no failure")
            return
        }
        #expect(failure.reason.hasPrefix("a\\u{1b}[2J\\nbé"))
        #expect(failure.reason.utf8.count < HostText.maxBytes + 64)
    }

    @Test("a signature past a limit of the engine is none")
    func limits() {
        func isTaken(_ change: (inout HostedFindings) -> Void) -> Bool {
            var found = Self.found
            change(&found)
            return HostReport(HostReport.passed(found).encoded()) != nil
        }
        func inputs(_ count: Int) -> [TensorSpec] {
            (0..<count).map { TensorSpec(name: ExactString("x\($0)"), type: .fp32, shape: []) }
        }
        func spec(name: String = "x", rank: Int = 0) -> [TensorSpec] {
            [
                TensorSpec(
                    name: ExactString(name),
                    type: .fp32,
                    shape: Array(repeating: 1, count: rank)
                )
            ]
        }
        for (specs, isGood) in [
            (inputs(EngineLimits.maxTensors), true), (inputs(EngineLimits.maxTensors + 1), false),
            (spec(rank: EngineLimits.maxRank), true), (spec(rank: EngineLimits.maxRank + 1), false),
            (spec(name: String(repeating: "n", count: EngineLimits.maxNameBytes)), true),
            (spec(name: String(repeating: "n", count: EngineLimits.maxNameBytes + 1)), false),
            (spec(name: ""), false), (spec(name: "a\0b"), false), (spec(name: "\n"), true),
            (spec() + spec(), false),
            ([TensorSpec(name: "x", type: .fp32, shape: [-2])], false),
        ] {
            #expect(isTaken { $0.signature = ModelSignature(inputs: specs, outputs: []) } == isGood)
        }
        for (threads, isGood) in [
            (0, false), (1, true), (EngineLimits.maxThreads, true),
            (EngineLimits.maxThreads + 1, false),
        ] {
            let resources = ModelResources(
                modelBytes: 1,
                threads: threads,
                timeDependsOnValues: false
            )
            #expect(isTaken { $0.resources = resources } == isGood)
        }
    }

    @Test("a plan of another process stays within the card")
    func plan() {
        var batching = Card.Batching()
        batching.maxRows = 32
        batching.maxDelayUs = 5
        let plan = BatchPlan(isMerged: true, why: "w", maxRows: 64, maxDelayUs: 0)
        #expect(
            plan.bounded(by: batching)
                == BatchPlan(isMerged: true, why: "w", maxRows: 32, maxDelayUs: 5)
        )
        #expect(BatchPlan.alone("w").bounded(by: batching) == .alone("w"))
        var alone = BatchPlan.alone("w")
        alone.checkMs = 3
        let claimed = BatchPlan(
            isMerged: false,
            why: "w",
            maxRows: .max,
            maxDelayUs: .max,
            isAtPublishersRisk: true,
            checkMs: 3
        )
        #expect(claimed.bounded(by: batching) == alone)
    }

    @Test("findings with a number that no comparison gives are none")
    func findingsLimits() throws {
        let highest = Int(Card.maxRows)
        let day = VersionFindings.maxCheckMs
        for (isMerged, maxRows, checkMs, isGood) in [
            (false, 1, 0, true), (false, 1, day, true), (false, 2, 0, false),
            (false, 0, 0, false), (false, .max, 0, false), (false, .min, 0, false),
            (true, 1, day, true), (true, highest, 0, true), (true, highest + 1, 0, false),
            (true, 0, 0, false), (true, -1, 0, false), (true, .max, 0, false),
            (true, 2, day + 1, false), (true, 2, .max, false), (false, 1, .max, false),
        ] as [(Bool, Int, UInt64, Bool)] {
            let plan = BatchPlan(
                isMerged: isMerged,
                why: "w",
                maxRows: maxRows,
                maxDelayUs: 0,
                checkMs: checkMs
            )
            let findings = VersionFindings(plan: plan, isDeterministic: true)
            let read = VersionFindings(findings.json)
            #expect(read == (isGood ? findings : nil), "\(isMerged) \(maxRows) \(checkMs)")
        }
        for number in ["9223372036854775808", "1.5", "1e3", "-0.0"] {
            let text =
                #"{"merged":true,"why":"","max_rows":\#(number),"at_risk":false,"#
                + #""check_ms":1,"deterministic":true}"#
            #expect(VersionFindings(try JSONValue(parsing: text)) == nil, "\(number)")
        }
    }

    @Test("the longest description fits the limits of a message, and more values are no report")
    func messageLimits() {
        func specs(_ letter: String) -> [TensorSpec] {
            (0..<EngineLimits.maxTensors).map { index in
                let name = letter + "\(index)"
                let padding = String(
                    repeating: "n",
                    count: EngineLimits.maxNameBytes - name.utf8.count
                )
                return TensorSpec(
                    name: ExactString(name + padding),
                    type: .fp32,
                    shape: Array(repeating: 1 << 30, count: EngineLimits.maxRank)
                )
            }
        }
        var found = Self.found
        found.signature = ModelSignature(inputs: specs("i"), outputs: specs("o"))
        let message = HostReport.passed(found).encoded()
        #expect(message.count <= HostMessages.maxReportBytes)
        #expect(HostReport(message) != nil)
        func step(values: Int) -> [UInt8] {
            // The object, the text and the array are values too.
            let list = Array(repeating: "0", count: values - 3).joined(separator: ",")
            return Array(#"{"step":"rows","more":[\#(list)]}"#.utf8)
        }
        #expect(HostReport(step(values: HostMessages.maxReportValues)) != nil)
        #expect(HostReport(step(values: HostMessages.maxReportValues + 1)) == nil)
    }

    @Test("lack of memory arrives")
    func memory() {
        let message = HostReport.outOfMemory(detail: "d").encoded()
        guard case .outOfMemory("d")? = HostReport(message) else {
            Issue.record("another end")
            return
        }
    }

    @Test(
        "what is no report is none",
        arguments: [
            "", "{}", "[]", "{\"step\":\"dance\"}", "{\"end\":\"well\"}", "{\"end\":1}",
            "{\"step\":\"warm-up\"}", "{\"step\":\"warm-up\",\"attempt\":-1}",
            "{\"step\":\"warm-up\",\"attempt\":4}", "{\"end\":\"passed\"}", "{\"ready\":false}",
            "{\"ready\":true,\"landlock\":\"x\"}",
            "{\"wants\":7}",
        ]
    )
    func noise(text: String) {
        #expect(HostReport(Array(text.utf8)) == nil)
    }
}
