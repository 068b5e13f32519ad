module ordermanagement/e2e/legacy/client2019

go 1.26

require (
	github.com/golang/protobuf v1.3.2
	golang.org/x/oauth2 v0.0.0-20180821212333-d2e6202438be
	google.golang.org/genproto v0.0.0-20190819201941-24fa4b261c55
	google.golang.org/grpc v1.24.0
)

require (
	cloud.google.com/go v0.26.0 // indirect
	golang.org/x/net v0.0.0-20190311183353-d8887717615a // indirect
	golang.org/x/sys v0.0.0-20190215142949-d0b11bdaac8a // indirect
	golang.org/x/text v0.3.0 // indirect
	google.golang.org/appengine v1.4.0 // indirect
)

tool github.com/golang/protobuf/protoc-gen-go
