// Package enrol gets the device a certificate for sign-in, from the web services that a Registrar names, and keeps it. It goes
// the whole way once, when it is told to; package agent decides when.
//
//	e := enrol.Enroller{Policy: policy, Store: store, Owner: owner, Resolve: resolve, Connect: connect}
//	pair, trouble := e.Once(ctx, enrol.Service{URL: url}) // the Trouble is none, or says why there is no certificate
//
// The password is shown to no server whose name does not obey the name rule, or whose certificate does not prove the name.
//
// Read judge.go first, then enrol.go.
package enrol
