// Package graphsim stands in for Entra ID and Microsoft Graph, as far as presence
// change notifications need them: sign-in, directory, presence, subscriptions and
// the delivery of notifications, over real TLS on the loopback interface.
//
// It is strict: a request that Graph would refuse is refused here with the same
// words. [DefaultFaults] switches a modest set of Graph's irregularities on; all
// choices follow [Options.Seed]. [Simulator.History] tells what was asked and what
// was delivered.
//
// It is not a mock: it imports nothing else of this project, so that a mistake
// cannot sit on both sides. It follows the published contract alone. It is no
// place to keep anything: the tenant is invented and lives in memory.
//
// Callers are tests, the demo and the simulate command. docs/simulator.md tells
// the control API and where the simulator differs from Graph on purpose.
package graphsim
